import pytest
from django.utils import timezone


@pytest.fixture
def story_about(make_issue, make_story):
    def make(*papers):
        return make_story(issue=make_issue(published_at=timezone.now()), papers=papers, summary="Why it matters.")

    return make


def test_a_paper_shows_its_record_and_the_stories_about_it(client, make_paper, story_about):
    paper = make_paper(authors=("Brown", "Mann"), abstract="We <train> GPT-3.", doi="10.1000/x-1", issued="2020-05")
    story = story_about(paper)
    page = client.get(paper.get_absolute_url()).content.decode()
    assert "Brown, Mann" in page
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
    assert "Subbiah" not in page


def test_a_paper_that_no_published_story_is_about_is_not_shown(client, make_paper, make_story):
    paper = make_paper()
    make_story(papers=[paper])
    assert client.get(paper.get_absolute_url()).status_code == 404
    assert paper.title not in client.get("/papers/").content.decode()
