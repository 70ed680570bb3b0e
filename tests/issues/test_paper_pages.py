import pytest
from django.utils import timezone

from papers.models import Resource


@pytest.fixture
def story_about(make_issue, make_story):
    def make(*papers):
        return make_story(issue=make_issue(published_at=timezone.now()), papers=papers, summary="Why it matters.")

    return make


def test_a_paper_shows_its_record_and_the_stories_about_it(client, make_paper, story_about):
    paper = make_paper(authors=("Brown", "Mann"), abstract="We <train> GPT-3.", doi="10.1000/x-1", issued="2020-05")
    story = story_about(paper)
    page = client.get(paper.get_absolute_url()).content.decode()
    assert [author in page for author in ('/authors/brown/">Brown</a>', '/authors/mann/">Mann</a>')] == [True, True]
    assert "We &lt;train&gt; GPT-3." in page
    assert "May 2020" in page
    assert f'href="https://arxiv.org/abs/{paper.arxiv_id}"' in page
    assert 'href="https://doi.org/10.1000/x-1"' in page
    assert f'href="{story.get_absolute_url()}"' in page
    assert "Why it matters." in page


def test_a_preprint_s_page_is_read_by_zotero_as_a_preprint(client, make_paper, story_about):
    paper = make_paper(title="Few “shots” & more", authors=("Brown", "Mann"), container_title="arXiv")
    story_about(paper)
    page = client.get(paper.get_absolute_url()).content.decode()
    assert '<meta name="citation_title" content="Few “shots” &amp; more">' in page
    assert page.count('name="citation_author"') == 2
    assert '<meta name="citation_publication_date" content="2020/05/28">' in page
    assert f'<meta name="citation_arxiv_id" content="{paper.arxiv_id}">' in page
    assert '<meta name="DC.type" content="preprint">' in page
    assert "citation_journal_title" not in page


def test_an_article_s_page_names_its_journal(client, make_paper, story_about):
    paper = make_paper(type="article-journal", container_title="Nature", doi="10.1000/x-1", volume="596")
    story_about(paper)
    page = client.get(paper.get_absolute_url()).content.decode()
    assert '<meta name="citation_journal_title" content="Nature">' in page
    assert '<meta name="citation_doi" content="10.1000/x-1">' in page
    assert "DC.type" not in page


def test_a_paper_without_title_goes_by_its_identifier(client, make_paper, story_about):
    paper = make_paper(title="", authors=(), issued="")
    story_about(paper)
    assert f"<h1>arXiv:{paper.arxiv_id}</h1>" in client.get(paper.get_absolute_url()).content.decode()
    assert "Undated" in client.get("/papers/").content.decode()


def test_a_list_names_three_authors_and_others(client, make_paper, story_about):
    story_about(make_paper(authors=("Brown", "Mann", "Ryder", "Subbiah", "Kaplan")))
    page = client.get("/papers/").content.decode()
    assert "Brown, Mann, Ryder et al." in " ".join(page.split())
    assert "Kaplan</a>, " not in page
    assert ", Subbiah" not in page


def test_a_paper_that_no_published_story_is_about_is_not_shown(client, make_paper, make_story):
    paper = make_paper()
    make_story(papers=[paper])
    assert client.get(paper.get_absolute_url()).status_code == 404
    assert paper.title not in client.get("/papers/").content.decode()


def test_a_conference_paper_a_report_and_a_thesis_say_what_zotero_takes_them_for(client, make_paper, story_about):
    def page(**fields):
        paper = make_paper(**fields)
        story_about(paper)
        return client.get(paper.get_absolute_url()).content.decode()

    conference = page(type="paper-conference", container_title="NeurIPS 33", page="1877–1901", publisher="Curran")
    assert '<meta name="citation_conference_title" content="NeurIPS 33">' in conference
    assert '<meta name="citation_firstpage" content="1877">' in conference
    assert '<meta name="citation_lastpage" content="1901">' in conference
    assert "DC.type" not in conference
    report = page(type="report", publisher="RAND")
    assert '<meta name="citation_technical_report_institution" content="RAND">' in report
    assert '<meta name="DC.type" content="computerProgram">' in page(type="software")
    assert '<meta name="DC.type" content="book">' in page(type="book", isbn="9780306406157")


def test_a_papers_page_names_the_topics_of_its_stories_as_keywords(client, make_paper, make_issue, make_story):
    paper = make_paper()
    issue = make_issue(published_at=timezone.now())
    make_story(issue=issue, papers=[paper], topics=["vision", "robots"])
    make_story(issue=issue, papers=[paper], topics=["robots"])
    page = client.get(paper.get_absolute_url()).content.decode()
    assert '<meta name="citation_keywords" content="robots; vision">' in page


@pytest.mark.parametrize(
    ("body", "quote"),
    [
        ("First. They [trained it](https://arxiv.org/abs/2005.14165v4) on text. Last.", "They trained it on text."),
        ("First. [A paper](https://doi.org/10.1000/X) says so. Last.", "A paper says so."),
        (
            "First. *Language Models are Few-Shot Learners* came in May. Last.",
            "Language Models are Few-Shot Learners came in May.",
        ),
        ("The paper is not [linked](https://arxiv.org/abs/1706.03762).", ""),
    ],
)
def test_a_paper_shows_the_sentence_around_its_mention(client, make_paper, make_issue, make_story, body, quote):
    paper = make_paper(arxiv_id="2005.14165", doi="10.1000/x")
    make_story(issue=make_issue(published_at=timezone.now()), papers=[paper], body=body, summary="The summary.")
    page = client.get(paper.get_absolute_url()).content.decode()
    assert (f"<q>{quote}</q>" in page) == bool(quote)
    assert ('p-summary">The summary.</p>' in page) == (not quote)


def test_a_paper_names_those_that_the_same_stories_are_about(client, make_paper, story_about):
    paper, other, third = make_paper("This"), make_paper("Told with it"), make_paper("Elsewhere")
    story_about(paper, other)
    story_about(third)
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "Told with it" in page
    assert "Elsewhere" not in page


def test_a_papers_page_shows_how_to_cite_it(client, make_paper, story_about):
    paper = make_paper("A <b> & c", authors=["O’Neil"])
    story_about(paper)
    page = client.get(paper.get_absolute_url()).content.decode()
    for name in ("APA", "MLA", "Chicago", "BibTeX", "RIS", "CSL-JSON"):
        assert f"<summary>{name}</summary>" in page
    assert "@misc{oneil_b_2020," in page
    assert "(2020). <cite>A &lt;b&gt; &amp; c</cite> (arXiv:" in page
    assert "TY  - UNPB" in page
    assert f'href="/papers/{paper.slug}.bib"' in page


def test_an_issue_and_a_topic_offer_each_paper_once_to_zotero_and_a_story_offers_none(
    client, make_paper, make_issue, make_story
):
    issue = make_issue(published_at=timezone.now())
    paper = make_paper(
        "Few-shot & more", authors=["Brown"], doi="10.1000/x", type="article-journal", container_title="Nature"
    )
    stories = [make_story(issue=issue, papers=[paper], topics=["vision"]) for _ in range(2)]
    for address in (issue.get_absolute_url(), "/topics/vision/"):
        page = client.get(address).content.decode()
        assert page.count('class="Z3988"') == 1
        assert (
            "rft_val_fmt=info%3Aofi%2Ffmt%3Akev%3Amtx%3Ajournal&amp;rft.genre=article&amp;rft.atitle=Few-shot+%26+more"
            in page
        )
        assert "rft_id=info%3Adoi%2F10.1000%2Fx&amp;rft.au=Brown" in page
    for address in (stories[0].get_absolute_url(), paper.get_absolute_url()):
        assert "Z3988" not in client.get(address).content.decode()


def test_an_author_has_a_page_with_papers_and_stories(client, make_paper, story_about):
    paper = make_paper("Theirs", authors=["Brown", "Mann"])
    story = story_about(paper)
    story_about(make_paper("Another's", authors=["Ryder"]))
    page = client.get("/authors/mann/").content.decode()
    assert "<h1>Mann</h1>" in page
    assert "Theirs" in page
    assert story.get_absolute_url() in page
    assert "Another’s" not in page
    make_paper("Not told", authors=["Secret"])
    assert client.get("/authors/secret/").status_code == 404


@pytest.mark.parametrize(
    ("parameters", "titles"),
    [
        ({}, ["C", "B", "A"]),
        ({"year": "2021"}, ["B"]),
        ({"venue": "Nature"}, ["C", "A"]),
        ({"author": "mann"}, ["C"]),
        ({"topic": "robots"}, ["A"]),
        ({"q": "nature ryder"}, ["A"]),
        ({"order": "stories"}, ["A", "C", "B"]),
        ({"year": "2022", "venue": "Science"}, []),
        ({"publisher": "is passed over"}, ["C", "B", "A"]),
    ],
)
def test_the_list_of_papers_is_narrowed_by_what_its_address_says(
    client, make_paper, make_issue, make_story, parameters, titles
):
    issue = make_issue(published_at=timezone.now())
    first = make_paper("A", authors=["Ryder"], issued="2020", container_title="Nature")
    make_story(issue=issue, papers=[first], topics=["robots"])
    make_story(
        issue=issue, papers=[first, make_paper("B", authors=["Ryder"], issued="2021-03", container_title="Science")]
    )
    make_story(issue=issue, papers=[make_paper("C", authors=["Mann"], issued="2022-01-02", container_title="Nature")])
    make_story(papers=[make_paper("Not told", container_title="Nature")])
    response = client.get("/papers/", parameters)
    assert [paper.title for paper in response.context["page"].rows] == titles
    assert "Not told" not in response.content.decode()


@pytest.mark.parametrize("address", ["/papers/?year=20", "/papers/?year=２０２０", "/resources/?kind=x"])
def test_a_parameter_that_makes_no_sense_is_not_found(client, db, address):
    assert client.get(address).status_code == 404


def test_pages_of_a_narrowed_list_keep_what_it_is_narrowed_to(client, make_paper, story_about):
    story_about(
        *[make_paper(f"Paper {number}", authors=[]) for number in range(51)], make_paper("Other", issued="1999")
    )
    page = client.get("/papers/?year=2020").content.decode()
    assert 'href="?year=2020&amp;page=2"' in page
    assert len(client.get("/papers/?year=2020&page=2").context["page"].rows) == 1


def test_resources_are_listed_by_kind_topic_and_words(client, make_paper, make_issue, make_story):
    def resource(title, kind="code"):
        return Resource.objects.create(title=title, kind=kind, url=f"https://example.org/{title}")

    issue = make_issue(published_at=timezone.now())
    paper = make_paper()
    paper.resources.add(resource("of-a-paper", "dataset"))
    make_story(issue=issue, papers=[paper], resources=[resource("of-a-story")], topics=["robots"])
    make_story(issue=issue, resources=[resource("another")])
    make_story(resources=[resource("secret")])

    def titles(**parameters):
        return [each.title for each in client.get("/resources/", parameters).context["page"].rows]

    assert titles() == ["another", "of-a-story", "of-a-paper"]
    assert titles(kind="dataset") == ["of-a-paper"]
    assert titles(topic="robots") == ["of-a-story", "of-a-paper"]
    assert titles(q="EXAMPLE.org story") == ["of-a-story"]


def test_a_dead_link_leads_to_its_archived_copy(client, make_paper, make_issue, make_story):
    dead = Resource.objects.create(
        title="Code",
        url="https://example.org/gone",
        archived_url="https://web.archive.org/web/2020/https://example.org/gone",
        state="dead",
        checked_at=timezone.now(),
    )
    paper = make_paper()
    paper.resources.add(dead)
    issue = make_issue(published_at=timezone.now())
    story = make_story(issue=issue, papers=[paper], resources=[dead])
    for address in (story.get_absolute_url(), paper.get_absolute_url(), issue.get_absolute_url(), "/resources/"):
        page = client.get(address).content.decode()
        assert f'href="{dead.archived_url}"' in page
        assert f'href="{dead.url}"' not in page
        assert "archived copy, as the page is gone (checked on" in page


def test_a_search_offers_the_papers_it_finds_to_zotero(client, make_paper, story_about):
    story_about(make_paper("Few-shot learners", authors=["Brown", "Mann"]))
    page = client.get("/search/?q=few-shot+learners+kind:paper").content.decode()
    assert page.count('class="Z3988"') == 1
    assert "rft.type=preprint" in page
    assert "rft.au=Brown&amp;rft.au=Mann" in page
