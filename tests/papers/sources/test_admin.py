"""Pasting, asking again and deciding, as an editor does it in the admin."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from papers import tasks
from papers.models import Decision, FieldProposal, Lookup, LookupState, Paper, PaperAlias, PaperUpdate
from tests.admin_forms import errors, fill, member_of, messages
from tests.papers.sources.server import recorded, status

ARXIV, DOI = "2005.14165", "10.1000/few.shot"
PASTE = "/admin/papers/paper/paste/"


def address(paper, name="change"):
    return reverse(f"admin:papers_paper_{name}", args=[paper.pk])


def paste(client, text, **more):
    return client.post(PASTE, {"text": text, **more}, follow=True)


def finish():
    for lookup in Lookup.objects.filter(state=LookupState.WAITING):
        tasks.look_up(lookup.pk)


def text_of(page):
    return " ".join(page.content.decode().split())


def test_pasting_an_address_makes_the_record_at_once_and_the_page_says_that_it_is_looked_up(writer, services):
    page = paste(writer, "https://arxiv.org/pdf/2005.14165v4.pdf")
    paper = Paper.objects.get()
    assert (paper.arxiv_id, paper.arxiv_version) == (ARXIV, 4)
    assert page.redirect_chain[-1][0] == address(paper)
    assert "Being looked up since" in text_of(page)
    assert services.requests == []


def test_what_is_found_fills_the_page(writer, services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paste(writer, ARXIV)
    finish()
    page = writer.get(address(Paper.objects.get()))
    assert page.context["adminform"].form.initial["title"] == "Language Models are Few-Shot Learners"
    assert "Filled in: title, type, authors, issued, arXiv version last seen, abstract." in text_of(page)
    assert Lookup.objects.get().requested_by.username == "a-writer"


def test_what_fails_is_said_beside_the_form_to_fill_in_by_hand(writer, services):
    services.arxiv(ARXIV, status(500))
    paste(writer, ARXIV)
    finish()
    page = writer.get(address(Paper.objects.get()))
    assert "Nothing was found" in text_of(page)
    assert "arXiv is out of order (it answered 500)." in text_of(page)
    assert "Fill in the form by hand, or look it up again later." in text_of(page)
    assert "title" in page.context["adminform"].form.fields


@pytest.mark.parametrize("text", ["arXiv:2005.14165", "Brown et al., doi:10.1000/FEW.shot."])
def test_a_paper_that_is_stored_already_is_shown_and_not_looked_up(writer, make_paper, text):
    paper = make_paper(arxiv_id=ARXIV, doi=DOI)
    page = paste(writer, text)
    assert page.redirect_chain[-1][0] == address(paper)
    assert messages(page) == ["This paper is stored already."]
    assert not Lookup.objects.exists()


def test_the_former_identifier_of_a_merged_paper_leads_to_the_one_that_stayed(writer, make_paper):
    paper = make_paper(arxiv_id=None, doi=DOI)
    PaperAlias.objects.create(paper=paper, slug="former", arxiv_id=ARXIV)
    assert paste(writer, ARXIV).redirect_chain[-1][0] == address(paper)
    assert Paper.objects.count() == 1


def test_a_plain_address_is_put_into_the_form(writer):
    page = paste(writer, "https://openreview.net/forum?id=abc")
    assert page.context["adminform"].form.initial["url"] == "https://openreview.net/forum?id=abc"
    assert "Fill in the form by hand." in messages(page)[0]


@pytest.mark.parametrize("text", ["", "nothing", "x" * 5000])
def test_what_is_no_identifier_is_refused_with_a_sentence(writer, text):
    assert "There is no arXiv identifier, DOI, ISBN or address in this." in messages(paste(writer, text))[0]


def test_a_paper_pasted_in_a_popup_is_handed_to_the_page_below(writer):
    page = paste(writer, ARXIV, _popup="1")
    assert page.status_code == 200
    assert f"&quot;value&quot;: &quot;{Paper.objects.get().pk}&quot;" in page.content.decode()


def test_differences_are_shown_beside_what_is_stored_and_decided_one_by_one(writer, services, make_paper):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = make_paper("GPT-3", arxiv_id=ARXIV, issued="2019", authors=["Brown"])
    writer.post(address(paper, "look_up"))
    finish()
    page = writer.get(address(paper))
    assert "What was found differs from what is stored" in text_of(page)
    assert "Tom B. Brown; Laurens van der Maaten; Sammy Davis Jr.; The ATLAS Collaboration" in text_of(page)
    title, issued = (FieldProposal.objects.get(field=name) for name in ("title", "issued"))
    assert messages(writer.post(address(paper, "decide"), {"accept": issued.pk}, follow=True)) == ["Accepted: issued."]
    assert messages(writer.post(address(paper, "decide"), {"refuse": title.pk}, follow=True)) == ["Refused: title."]
    paper.refresh_from_db()
    assert (paper.title, paper.issued) == ("GPT-3", "2020-05-28")
    title.refresh_from_db()
    assert (title.state, title.decided_by.username) == (Decision.REFUSED, "a-writer")
    writer.post(address(paper, "decide"), {"accept": "all"})
    assert not FieldProposal.objects.filter(state=Decision.PROPOSED).exists()
    assert paper.authorships.count() == 4


def test_the_difference_of_another_paper_is_not_decided_here(writer, make_paper):
    mine, other = make_paper("Mine"), make_paper("Other")
    proposal = FieldProposal.objects.create(paper=other, field="title", value="New", source="arxiv")
    writer.post(address(mine, "decide"), {"accept": proposal.pk})
    other.refresh_from_db()
    assert other.title == "Other"


def test_an_accepted_value_that_the_paper_cannot_have_is_refused_with_a_sentence(writer, make_paper):
    make_paper(doi=DOI)
    paper = make_paper("Mine", doi="10.1000/other")
    proposal = FieldProposal.objects.create(paper=paper, field="doi", value=DOI, source="arxiv")
    page = writer.post(address(paper, "decide"), {"accept": proposal.pk}, follow=True)
    assert "DOI" in messages(page)[0]
    proposal.refresh_from_db()
    assert proposal.state == Decision.PROPOSED


def test_a_form_that_was_open_during_a_lookup_does_not_empty_what_was_found(writer, services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paste(writer, ARXIV)
    paper = Paper.objects.get()
    open_page = writer.get(address(paper))
    finish()
    page = writer.post(address(paper), fill(open_page, abstract="Typed"))
    assert "The paper was changed while this page was open" in errors(page)
    paper.refresh_from_db()
    assert paper.title == "Language Models are Few-Shot Learners"


def test_asking_twice_waits_once(writer, make_paper):
    paper = make_paper()
    writer.post(address(paper, "look_up"))
    writer.post(address(paper, "look_up"))
    assert Lookup.objects.count() == 1


def test_a_paper_without_an_identifier_says_what_it_lacks(writer, make_paper):
    paper = make_paper(arxiv_id=None)
    page = writer.post(address(paper, "look_up"), follow=True)
    assert "no arXiv identifier, DOI or ISBN" in messages(page)[0]


@pytest.mark.parametrize("name", ["paste", "look_up", "decide"])
def test_what_acts_is_a_post_and_needs_the_permission(client, make_paper, name):
    paper = make_paper()
    url = PASTE if name == "paste" else address(paper, name)
    assert client.post(url).status_code == 302
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.post(url).status_code == 403
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(url).status_code == 405


def test_the_page_that_waits_is_told_when_it_is_over(writer, services, make_paper):
    paper = make_paper()
    writer.post(address(paper, "look_up"))
    assert writer.get(address(paper, "lookup")).json() == {"state": "waiting"}
    finish()
    assert writer.get(address(paper, "lookup")).json() == {"state": "failed"}


def test_papers_with_differences_are_found_in_the_list(writer, make_paper):
    make_paper("Settled")
    FieldProposal.objects.create(paper=make_paper("Open"), field="title", value="New", source="arxiv")
    page = writer.get("/admin/papers/paper/?lookup=differences")
    assert [paper.title for paper in page.context["cl"].result_list] == ["Open"]


def test_papers_whose_last_lookup_failed_are_found_in_the_list(writer, make_paper):
    for title, states in {"Never asked": [], "Found later": ["failed", "found"], "Lost": ["found", "failed"]}.items():
        paper = make_paper(title)
        for state in states:
            Lookup.objects.create(paper=paper, state=state)
    page = writer.get("/admin/papers/paper/?lookup=failed")
    assert [paper.title for paper in page.context["cl"].result_list] == ["Lost"]


def test_news_are_accepted_from_the_list(client, make_paper):
    client.force_login(member_of("editor"))
    paper = make_paper()
    update = PaperUpdate.objects.create(paper=paper, text="It was retracted.", happened_on="2021-01-01")
    client.post("/admin/papers/paperupdate/", {"action": "accept", "_selected_action": [update.pk]})
    update.refresh_from_db()
    assert (update.state, update.decided_by.username) == (Decision.ACCEPTED, "a-editor")


def test_writers_may_look_at_news_and_not_decide_on_them(writer, make_paper):
    update = PaperUpdate.objects.create(paper=make_paper(), text="It was retracted.", happened_on="2021-01-01")
    assert writer.get("/admin/papers/paperupdate/").status_code == 200
    writer.post("/admin/papers/paperupdate/", {"action": "accept", "_selected_action": [update.pk]})
    update.refresh_from_db()
    assert update.state == Decision.PROPOSED


def test_the_list_of_news_asks_as_often_for_30_as_for_1(client, make_paper):
    client.force_login(User.objects.create_superuser("root"))

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/papers/paperupdate/").status_code == 200
        return len(queries)

    def add(number):
        PaperUpdate.objects.create(paper=make_paper(f"Paper {number}"), text="News", happened_on="2021-01-01")

    add(0)
    count()
    few = count()
    for number in range(1, 31):
        add(number)
    assert count() == few
