import pytest
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.utils import timezone

from issues.merging import merge_topics
from papers.csl import paper_by_identifier, record_paper
from papers.merging import merge_authors, merge_papers, merge_resources
from papers.models import Author, Authorship, Paper, PaperUpdate, Resource
from tests.admin_forms import member_of, messages


def names(paper):
    return [authorship.author.family for authorship in paper.authorships.order_by("position")]


@pytest.fixture
def public(make_issue):
    return make_issue(published_at=timezone.now())


def resource(name, **fields):
    return Resource.objects.create(url=f"https://example.org/{name}", title=name, **fields)


def test_a_paper_keeps_all_links_of_those_that_are_merged_into_it(make_paper, make_story):
    kept, duplicate = make_paper("Kept"), make_paper("Duplicate")
    both, one = make_story(papers=[kept, duplicate]), make_story(papers=[duplicate])
    shared, own = resource("shared"), resource("own")
    kept.resources.add(shared)
    duplicate.resources.add(shared, own)
    update = PaperUpdate.objects.create(paper=duplicate, text="A new version", happened_on="2021-01-01")
    merge_papers(kept, [duplicate], {})
    assert list(both.papers.all()) == list(one.papers.all()) == [kept]
    assert set(kept.resources.all()) == {shared, own}
    assert kept.updates.get() == update
    assert not Paper.objects.filter(title="Duplicate").exists()


def test_a_field_has_the_value_of_the_chosen_paper(make_paper):
    kept = make_paper("Preprint", arxiv_id="2005.14165v3", authors=["Brown"])
    published = make_paper("Article", arxiv_id=None, doi="10.1000/x", authors=["Brown", "Mann"], type="article-journal")
    merge_papers(kept, [published], {"title": published, "doi": published, "authors": published, "arxiv_id": kept})
    kept.refresh_from_db()
    assert (kept.title, kept.arxiv_id, kept.arxiv_version, kept.doi) == ("Article", "2005.14165", 3, "10.1000/x")
    assert kept.type == "article"
    assert names(kept) == ["Brown", "Mann"]
    assert Authorship.objects.count() == 2


def test_former_identifiers_and_addresses_lead_to_the_paper(client, make_paper, make_story, public):
    kept = make_paper("Kept", arxiv_id="2005.00001", doi="10.1000/kept")
    first = make_paper("First", arxiv_id="2005.00002", doi="10.1000/first")
    second = make_paper("Second", arxiv_id="2005.00003", doi=None)
    make_story(issue=public, papers=[first])
    merge_papers(kept, [first, second], {"arxiv_id": second, "doi": kept})
    for identifier in ("2005.00001", "2005.00002", "2005.00003", "10.1000/kept", "doi:10.1000/first"):
        assert paper_by_identifier(identifier) == (kept, "unchanged")
    record_paper({"title": "Kept", "DOI": "10.1000/FIRST"})
    assert Paper.objects.get().doi == "10.1000/kept"
    response = client.get("/papers/arxiv-2005-00002/")
    assert (response.status_code, response["Location"]) == (301, kept.get_absolute_url())


def test_a_chain_of_merges_leads_to_its_end(client, make_paper, make_story, public):
    first, second, third = make_paper("One"), make_paper("Two"), make_paper("Three")
    make_story(issue=public, papers=[first])
    former = first.get_absolute_url()
    merge_papers(second, [first], {})
    merge_papers(third, [second], {})
    assert client.get(former)["Location"] == third.get_absolute_url()


def test_values_that_do_not_go_together_change_nothing(make_paper):
    kept, duplicate = make_paper("", authors=[]), make_paper("Duplicate", arxiv_id=None)
    with pytest.raises(ValidationError, match="needs an arXiv identifier"):
        merge_papers(kept, [duplicate], {"arxiv_id": duplicate, "title": kept})
    assert Paper.objects.count() == 2
    assert Paper.objects.get(pk=kept.pk).arxiv_id


def test_an_author_gets_the_papers_of_the_other_and_is_found_by_both_names(client, make_paper, make_story, public):
    both, one = make_paper(authors=["T. Brown", "Mann", "Tom Brown"]), make_paper(authors=["T. Brown"])
    make_story(issue=public, papers=[both, one])
    kept, duplicate = Author.objects.get(family="Tom Brown"), Author.objects.get(family="T. Brown")
    merge_authors(kept, [duplicate], {})
    assert names(both) == ["Tom Brown", "Mann"]
    assert names(one) == ["Tom Brown"]
    assert Author.objects.named("T. Brown") == kept
    response = client.get("/authors/t-brown/")
    assert (response.status_code, response["Location"]) == (301, "/authors/tom-brown/")


def test_an_author_can_take_the_name_of_the_duplicate(make_paper):
    make_paper(authors=["T. Brown", "Tom Brown"])
    kept, duplicate = Author.objects.get(family="T. Brown"), Author.objects.get(family="Tom Brown")
    merge_authors(kept, [duplicate], {"family": duplicate})
    assert Author.objects.get(family="Tom Brown").pk == kept.pk
    assert Author.objects.named("Tom Brown") == kept


def test_a_resource_keeps_stories_and_papers_and_is_found_by_both_addresses(make_paper, make_story):
    kept, duplicate = resource("kept", state="ok", checked_at=timezone.now()), resource("duplicate")
    story, paper = make_story(resources=[duplicate, kept]), make_paper()
    paper.resources.add(duplicate)
    merge_resources(kept, [duplicate], {"title": duplicate})
    assert [row.title for row in story.resources.all()] == ["duplicate"]
    assert list(paper.resources.all()) == [kept]
    assert Resource.objects.at("https://example.org/duplicate").get() == kept


def test_a_resource_that_takes_another_address_takes_what_its_check_found(make_story):
    kept = resource("kept", state="ok", checked_at=timezone.now())
    duplicate = resource("duplicate")
    merge_resources(kept, [duplicate], {"url": duplicate})
    kept.refresh_from_db()
    assert (kept.url, kept.state, kept.checked_at) == ("https://example.org/duplicate", "unchecked", None)
    assert Resource.objects.at("https://example.org/kept").get() == kept


def test_a_topic_keeps_stories_relations_and_names(client, make_topic, make_story, public):
    kept, duplicate, other = make_topic("language models"), make_topic("LLMs"), make_topic("text")
    duplicate.aliases.create(name="big models", slug="big-models")
    story = make_story(issue=public, topics=["language models", "LLMs"])
    other.builds_on.add(duplicate)
    kept.builds_on.add(duplicate)
    duplicate.builds_on.add(other, kept)
    merge_topics(kept, [duplicate], {})
    assert list(story.topics.all()) == [kept]
    assert list(kept.builds_on.all()) == [other]
    assert list(kept.built_on_by.all()) == [other]
    assert {alias.name for alias in kept.aliases.all()} == {"LLMs", "big models"}
    for former in ("llms", "big-models"):
        response = client.get(f"/topics/{former}/")
        assert (response.status_code, response["Location"]) == (301, "/topics/language-models/")


def test_a_topic_can_take_the_name_of_the_duplicate(make_topic, make_story):
    kept, duplicate = make_topic("LMs"), make_topic("language models")
    merge_topics(kept, [duplicate], {"name": duplicate, "slug": duplicate})
    kept.refresh_from_db()
    assert (kept.name, kept.slug) == ("language models", "language-models")
    assert [alias.slug for alias in kept.aliases.all()] == ["lms"]


# In the admin


def merge_address(*rows):
    meta = rows[0]._meta
    return f"/admin/{meta.app_label}/{meta.model_name}/merge/?ids=" + ",".join(str(row.pk) for row in rows)


def test_papers_are_chosen_in_the_list_compared_and_merged(editor, make_paper, make_story):
    kept, duplicate = make_paper("Few shots", authors=["Brown"]), make_paper("Few <shots>", authors=["Brown", "Mann"])
    make_story(papers=[duplicate])
    selected = {"action": "merge_selected", "_selected_action": [kept.pk, duplicate.pk]}
    page = editor.post("/admin/papers/paper/", selected, follow=True)
    assert page.redirect_chain[-1][0] == merge_address(kept, duplicate)
    assert "Few &lt;shots&gt;" in page.content.decode()
    assert "1 story paper" in page.content.decode()
    chosen = {"kept": duplicate.pk, "field-title": kept.pk, "field-authors": duplicate.pk}
    page = editor.post(merge_address(kept, duplicate), chosen, follow=True)
    paper = Paper.objects.get()
    assert (paper.pk, paper.title, names(paper)) == (duplicate.pk, "Few shots", ["Brown", "Mann"])
    assert "now stands for" in messages(page)[0]
    logged = LogEntry.objects.filter(content_type__model="paper").values_list("action_flag", "object_id")
    assert set(logged) == {(2, str(duplicate.pk)), (3, str(kept.pk))}


def test_a_field_gets_the_first_value_there_is_unless_another_is_chosen(editor, make_paper):
    first, second = make_paper(abstract=""), make_paper(abstract="We train.", doi="10.1000/x")
    editor.post(merge_address(first, second), {"kept": first.pk})
    paper = Paper.objects.get()
    assert (paper.pk, paper.abstract, paper.doi, paper.arxiv_id) == (first.pk, "We train.", "10.1000/x", first.arxiv_id)


def test_a_refused_merge_says_why_and_leaves_no_trace(editor, make_paper):
    first, second = make_paper("", authors=[]), make_paper("Titled", arxiv_id=None)
    chosen = {"kept": first.pk, "field-title": first.pk, "field-arxiv_id": second.pk}
    page = editor.post(merge_address(first, second), chosen, follow=True)
    assert "Nothing was merged: A paper needs an arXiv identifier" in messages(page)[0]
    assert Paper.objects.count() == 2
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("kind", ["papers/paper", "papers/author", "papers/resource", "issues/topic"])
def test_who_may_not_delete_may_not_merge(client, db, kind):
    client.force_login(member_of("writer"))
    assert client.get(f"/admin/{kind}/merge/?ids=1,2").status_code == 403
    assert client.post(f"/admin/{kind}/merge/?ids=1,2").status_code == 403
    assert "merge_selected" not in client.get(f"/admin/{kind}/").content.decode()


def test_one_row_cannot_be_merged_and_a_get_changes_nothing(editor, make_paper):
    paper, other = make_paper(), make_paper()
    page = editor.get(merge_address(paper), follow=True)
    assert messages(page) == ["Select two to 8 rows to merge."]
    assert editor.get(merge_address(paper, other) + "&kept=1").status_code == 200
    assert Paper.objects.count() == 2


def test_authors_resources_and_topics_are_compared_too(editor, make_paper, make_topic):
    make_paper(authors=["A", "B"])
    for rows in (
        list(Author.objects.all()),
        [resource("a"), resource("b")],
        [make_topic("a"), make_topic("b")],
    ):
        page = editor.get(merge_address(*rows)).content.decode()
        assert page.count('name="kept"') == 2
        assert editor.post(merge_address(*rows), {"kept": rows[1].pk}).status_code == 302
        assert type(rows[0]).objects.get().pk == rows[1].pk
