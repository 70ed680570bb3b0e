"""Papers and resources: each check, silent and speaking."""

import pytest
from django.utils import timezone

from issues.preflight import papers
from papers.models import FieldProposal, PaperUpdate, Resource

pytestmark = pytest.mark.django_db


@pytest.fixture
def paper(make_paper):
    return make_paper("Scaling Laws", arxiv_version=1)


@pytest.fixture
def story(issue, make_story, paper):
    return make_story("New story", issue=issue, papers=[paper])


@pytest.fixture
def earlier(make_issue, make_story):
    """A published story, with what is given."""

    def make(**fields):
        return make_story("Old story", slug="old", issue=make_issue(number=41, published_at=timezone.now()), **fields)

    return make


def test_papers_have_a_title(found, issue, story, make_story, make_paper):
    assert found(papers.papers_have_a_title, issue) == []
    make_story("Too early", issue=issue, papers=[make_paper("", arxiv_id="2101.00001")])
    assert found(papers.papers_have_a_title, issue) == [
        "W: The paper arXiv:2101.00001 of “Too early” has no title yet."
    ]


@pytest.mark.parametrize("state", ["accepted", "refused"])
def test_papers_are_in_the_newest_version_that_we_know_of(found, issue, story, paper, state):
    proposal = FieldProposal.objects.create(paper=paper, field="arxiv_version", value=3, source="arxiv")
    assert found(papers.papers_are_in_their_newest_version, issue) == [
        "W: arXiv has version 3 of “Scaling Laws”; “New story” was written of version 1."
    ]
    proposal.state = state
    proposal.save()
    assert found(papers.papers_are_in_their_newest_version, issue) == []


def test_papers_are_not_retracted(found, issue, story, paper):
    PaperUpdate.objects.create(paper=paper, kind="new version", text="v2", happened_on=timezone.localdate())
    assert found(papers.papers_are_not_retracted, issue) == []
    PaperUpdate.objects.create(paper=paper, kind="retracted", text="Gone.", happened_on=timezone.localdate())
    assert found(papers.papers_are_not_retracted, issue) == [
        "W: “Scaling Laws”, which “New story” is about, was retracted."
    ]


def test_papers_were_not_covered_before_unless_the_story_says_so(found, issue, story, paper, earlier, make_story):
    make_story("Waiting", papers=[paper])
    assert found(papers.papers_are_new, issue) == []
    earlier(papers=[paper])
    assert found(papers.papers_are_new, issue) == ["W: “Scaling Laws” was covered already, in “Old story” (DT #41)."]
    story.body = "As we told in [[old]]."
    story.save()
    assert found(papers.papers_are_new, issue) == []


def test_news_was_not_linked_before_and_code_may_have_been(found, issue, make_story, earlier):
    code = Resource.objects.create(url="https://example.org/code", title="Code", kind="code")
    news = Resource.objects.create(url="https://example.org/news", title="The news", kind="article")
    make_story("New story", issue=issue, resources=[code, news])
    assert found(papers.resources_are_new, issue) == []
    earlier(resources=[code, news])
    assert found(papers.resources_are_new, issue) == [
        "W: The link “The news” of “New story” stood under “Old story” already (DT #41)."
    ]
