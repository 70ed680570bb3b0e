"""A folder of Markdown is taken in as it stands: whole files or nothing, the same the second time, and nothing unsaid."""

import datetime
import html
import io
import os
import re
import shutil
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image as PillowImage

from issues.models import (
    Correction,
    Image,
    Issue,
    IssueState,
    Publication,
    Reference,
    Revision,
    Section,
    Story,
    StoryResource,
    Topic,
    TopicAlias,
)
from papers.models import Author, Authorship, Paper, Resource

pytestmark = pytest.mark.django_db

EXAMPLE = settings.BASE_DIR / "examples" / "digest"
STORED = (
    Author, Authorship, Correction, Image, Issue, Paper, Publication, Reference, Resource, Revision, Section, Story,
    Story.topics.through, StoryResource, Topic, Topic.builds_on.through, TopicAlias,
)  # fmt: skip


def png(colour="navy", size=(64, 32)):
    data = io.BytesIO()
    PillowImage.new("RGB", size, colour).save(data, "PNG")
    return data.getvalue()


class Digest:
    """A folder that is written to and imported; what the command said stays in `out` and `err`."""

    def __init__(self, folder):
        self.folder = folder
        self.out = self.err = self.last_words = ""

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def story(self, slug="arc", body="A text.", name=None, **keys):
        """A story in issue 26; a key that is None is left out. Lines: title is on 2, slug on 3, section on 4."""
        keys = {
            "title": (slug or "arc").title(),
            "slug": slug,
            "section": "Research",
            "issue": 26,
            "date": "2019-11-10",
        } | keys
        lines = [f"{key}: {value}" for key, value in keys.items() if value is not None]
        self.write(name or f"{slug}.md", "\n".join(["---", *lines, "---", body, ""]))

    def issue(self, number=26, text="", **keys):
        keys = {"number": number, "date": "2019-11-10"} | keys
        lines = [f"{key}: {value}" for key, value in keys.items() if value is not None]
        self.write(f"issues/{number:03}.md", "\n".join(["---", *lines, "---", text, ""]))

    def load(self, *options):
        """Import; return whether nothing was refused."""
        out, err = io.StringIO(), io.StringIO()
        self.last_words = ""
        try:
            call_command("import_digest", self.folder, *options, stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            self.last_words = str(error)
        self.out, self.err = out.getvalue(), err.getvalue()
        return not self.last_words

    def counts(self):
        """{kind: (created, updated, unchanged)} as the report's table says it."""
        rows = re.findall(r"^(\w+) +(\d+) +(\d+) +(\d+)$", self.out, re.M)
        return {kind: (int(created), int(updated), int(same)) for kind, created, updated, same in rows}


@pytest.fixture
def digest(tmp_path):
    folder = tmp_path / "digest"
    folder.mkdir()
    return Digest(folder)


def everything():
    """All rows of the digest, with the times at which they were changed."""
    return {model: list(model.objects.order_by("pk").values()) for model in STORED}


def stored_files(settings):
    root = Path(settings.MEDIA_ROOT)
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


# The example that the project ships


def test_the_example_is_taken_in_whole_and_the_second_time_changes_nothing(digest, client, settings):
    """In one test, since an import takes seconds."""
    digest.folder = EXAMPLE
    assert digest.load(), digest.err
    assert "note:" not in digest.out
    counts = digest.counts()
    assert counts["story"] == counts["issue"] == (14, 0, 0)
    assert counts["paper"] == (Paper.objects.count(), 0, 0)
    assert counts["topic"] == (Topic.objects.count(), 0, 0)
    assert counts["figure"] == (Image.objects.count(), 0, 0)
    assert Image.objects.count() == len(list((EXAMPLE / "figures").iterdir()))
    assert not Paper.objects.filter(title="").exists(), "each paper has a record"
    assert not Reference.objects.filter(target_issue=None, target_story=None, key__regex="[a-z]").exists()
    assert Issue.objects.published().count() == 14
    every_sentence_stands_on_its_page(client)

    rows, files = everything(), stored_files(settings)
    with time_machine.travel(datetime.timedelta(hours=1)):
        assert digest.load()
    assert {(created, updated) for created, updated, _ in digest.counts().values()} == {(0, 0)}
    assert everything() == rows
    assert stored_files(settings) == files


def test_a_dry_run_reports_what_would_happen_and_changes_nothing(digest, settings, tmp_path):
    digest.folder = tmp_path / "two stories of the example"
    shutil.copytree(EXAMPLE, digest.folder, ignore=shutil.ignore_patterns("0[3-9]*"))
    rows = everything()
    assert digest.load("--dry-run")
    announced = digest.counts()
    assert announced.keys() == {"publication", "section", "topic", "paper", "resource", "issue", "story", "figure"}
    assert "Nothing was changed" in digest.out
    assert everything() == rows
    assert stored_files(settings) == {}
    assert digest.load()
    assert digest.counts() == announced


def sentences(markdown):
    """The sentences of a Markdown text as a reader would see them, made without a Markdown parser."""
    text = re.sub(r"^---\n.*?\n---\n", "", markdown, flags=re.S)
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.S | re.M)
    text = re.sub(r"!\[.*?\]\(.*?(?:\"(.*?)\")?\)", r"\n\n\1\n\n", text)  # the caption is to be seen
    text = re.sub(r"\[\^\w+\]:?", "", text)
    text = re.sub(r"\[\[[\w-]+\|([^\]]+)\]\]", r"\1", text)
    text = re.sub(r"\[\[[\w-]+\]\]", "|", text)  # becomes the title of that story
    text = re.sub(r"\[([^\[\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^/{3,}.*$|^\|?[-: |]+\|?$|^\s*\*\[.*$", "\n", text, flags=re.M)
    text = re.sub(r"^\s*(?:>|[-*+] |\d+\. |#+ |:   |— )+", "", text, flags=re.M)
    blocks = re.split(r"\n\s*\n|\|", re.sub(r"\$\$.*?\$\$|\$[^$]+\$", "|", text, flags=re.S))
    return [
        words for block in blocks for sentence in re.split(r"(?<=[.!?])\s", block) if (words := only_letters(sentence))
    ]


def only_letters(text):
    """Letters and digits, so that quotes, dashes, emphasis and spaces make no difference."""
    return re.sub(r"[^\w]|_", "", html.unescape(text)).lower()


def every_sentence_stands_on_its_page(client):
    checked = 0
    for path in sorted(EXAMPLE.glob("*.md")):
        source = path.read_text()
        slug = re.search(r"^slug: (\S+)", source, re.M)[1]
        page = client.get(f"/stories/{slug}/").content.decode()
        shown = only_letters(re.sub(r"<[^>]+>", " ", page))
        for sentence in sentences(source):
            checked += 1
            assert sentence in shown, f"{path.name}: {sentence}"
    assert checked > 200


# What a newcomer's folder holds


def test_stories_alone_are_a_digest(digest, client):
    digest.story("arc", topics="[benchmarks]", papers='["arXiv:1911.01547"]')
    digest.story("zoom", issue=35, date="2020-03-15")
    digest.story("waiting", issue=None, date=None)
    assert digest.load()
    assert digest.counts() == {
        "section": (1, 0, 0), "issue": (2, 0, 0), "paper": (1, 0, 0), "topic": (1, 0, 0), "story": (3, 0, 0),
    }  # fmt: skip
    assert client.get("/stories/arc/").status_code == 200
    assert client.get("/stories/waiting/").status_code == 404, "it waits in the queue"
    assert Issue.objects.get(number=35).published_at == datetime.datetime(2020, 3, 15, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    "name", ["README.md", "readme.MD", "ReadMe.md", "issues/README.md", "._story.md", ".hidden.md"]
)
def test_readmes_and_hidden_files_are_left_out(digest, name):
    digest.story()
    digest.write(name, b"\x00\x05\x16\x07 no story")
    assert digest.load(), digest.err


def test_an_ending_in_capitals_is_an_ending(digest):
    digest.story(name="ARC.MD")
    assert digest.load()
    assert digest.counts()["story"] == (1, 0, 0)


def test_other_files_and_folders_are_left_alone(digest):
    digest.story()
    digest.write("notes.txt", "x")
    digest.write("drafts/later.md", "x")
    assert digest.load()


def test_a_file_with_the_newlines_of_windows_is_the_same_story(digest):
    digest.story(body="One.\n\nTwo.")
    digest.load()
    text = (digest.folder / "arc.md").read_bytes()
    digest.write("arc.md", b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))
    assert digest.load()
    assert digest.counts()["story"] == (0, 0, 1)


def test_keys_that_are_not_known_are_named_and_left_out(digest):
    digest.story(author="Ada", layout="post")
    assert digest.load()
    assert "note: arc.md: these keys are not known and were left out: author, layout." in digest.out


def test_an_address_is_one_resource_whatever_tracks_its_readers(digest):
    resources = '[{title: A, url: "https://example.org/a?utm_source=x", kind: code}, {title: B, url: "https://EXAMPLE.org/a#b"}]'
    digest.story(resources=resources)
    digest.story("second", resources='[{title: C, url: "https://example.org/a", kind: video}]')
    assert digest.load()
    assert [row.title for row in Story.objects.get(slug="arc").story_resources.all()] == ["A"]
    assert [row.title for row in Story.objects.get(slug="second").story_resources.all()] == ["C"]
    assert Resource.objects.get().kind == "code"
    assert "second.md, line 7: https://example.org/a is stored as “code”, which stays." in digest.out


def test_a_paper_is_listed_once_in_whatever_form_and_however_often_it_is_named(digest):
    digest.write("papers.yaml", "references:\n- id: arXiv:1911.01547\n  DOI: 10.1000/ARC\n  title: On the Measure\n")
    digest.story(papers='["doi:10.1000/arc", "arXiv:1911.01547", "https://arxiv.org/abs/1911.01547v2", 1911.01547]')
    assert digest.load()
    assert [paper.title for paper in Story.objects.get().papers.all()] == ["On the Measure"]


def test_a_topic_is_found_by_any_of_its_names_however_cased(digest):
    digest.write("topics.yaml", "topics:\n- name: language models\n  aliases: [LLMs, llms, Language Models]\n")
    digest.story(topics="[Language Models, llms, LANGUAGE MODELS]")
    assert digest.load(), digest.err
    assert [topic.name for topic in Story.objects.get().topics.all()] == ["language models"]
    assert digest.load()
    assert digest.counts()["topic"] == (0, 0, 1)


def test_topics_whose_names_look_alike_to_an_address_get_one_each(digest, client):
    digest.story(topics='["C", "C++", "C#"]')
    assert digest.load()
    addresses = {topic.get_absolute_url() for topic in Topic.objects.all()}
    assert len(addresses) == 3
    assert {client.get(address).status_code for address in addresses} == {200}


def test_a_topic_can_be_renamed_by_its_slug(digest):
    digest.write("topics.yaml", "topics:\n- {name: LMs, slug: lm}\n")
    digest.story(topics="[LMs]")
    digest.load()
    digest.write("topics.yaml", "topics:\n- {name: language models, slug: lm, aliases: [LMs]}\n")
    assert digest.load(), digest.err
    assert [topic.name for topic in Story.objects.get().topics.all()] == ["language models"]


def test_topics_may_build_on_each_other_in_a_circle(digest, client):
    digest.write("topics.yaml", "topics:\n- {name: a, builds_on: [b]}\n- {name: b, builds_on: [a]}\n")
    digest.story(topics="[a, b]")
    assert digest.load()
    assert client.get("/topics/").status_code == client.get("/topics/a/").status_code == 200


def test_an_aliass_address_leads_to_its_topic(digest, client):
    digest.write("topics.yaml", "topics:\n- {name: machine learning, aliases: [機械学習, '???', ML]}\n")
    digest.story(topics="[機械学習]")
    assert digest.load(), digest.err
    for alias in TopicAlias.objects.all():
        assert client.get(f"/topics/{alias.slug}/", follow=True).context["topic"].name == "machine learning"


def test_a_section_is_one_however_cased_and_can_be_renamed_by_its_slug(digest):
    digest.story("a", section="research")
    digest.story("b", section="Research")
    digest.story("c", section="研究")
    assert digest.load()
    assert set(Section.objects.values_list("name", "slug")) == {("research", "research"), ("研究", "section")}
    digest.write("digest.yaml", "sections:\n- {name: ML Research, slug: research}\n")
    digest.story("a", section="ML Research")
    digest.story("b", section="ML Research")
    assert digest.load(), digest.err
    assert Section.objects.filter(name="ML Research").count() == 1
    assert Section.objects.count() == 2


def test_what_the_publication_leaves_out_stays(digest):
    Publication.objects.current()
    Publication.objects.update(tagline="Typed by hand", reply_to="ada@example.org")
    digest.write("digest.yaml", "publication:\n  name: A Digest\n  reply_to:\n  tagline: ''\n")
    digest.story()
    assert digest.load()
    publication = Publication.objects.get()
    assert (publication.name, publication.tagline, publication.reply_to) == ("A Digest", "", "ada@example.org")


# Order, dates and states


def test_stories_stand_by_file_name_unless_they_ask_for_a_place(digest):
    for slug in "abcd":
        digest.story(slug)
    digest.story("d", position=1)
    assert digest.load()
    assert list(Issue.objects.get().stories.order_by("position").values_list("slug", flat=True)) == list("dabc")
    rows = everything()
    assert digest.load()
    assert everything() == rows


def test_a_story_that_is_there_keeps_its_place_unless_its_file_asks_for_another(digest, make_issue, make_story):
    issue = make_issue(number=26, date=datetime.date(2019, 11, 10))
    make_story("Typed by hand", issue=issue)
    digest.story("a", position=1)
    digest.story("b", position=2)
    digest.story("c")
    for _ in range(3):
        assert digest.load()
        assert list(issue.stories.order_by("position").values_list("slug", flat=True)) == [
            "a",
            "b",
            "typed-by-hand",
            "c",
        ]


def test_two_stories_for_one_place_stand_by_file_name_and_are_named(digest):
    for slug in "bac":
        digest.story(slug, position=1)
    for _ in range(2):
        assert digest.load()
        assert list(Story.objects.order_by("position").values_list("slug", flat=True)) == ["a", "b", "c"]
        assert "a.md and b.md and c.md both ask for position 1" in digest.out


def test_an_issue_of_the_future_stays_a_draft_until_its_day_comes(digest, client):
    with time_machine.travel(datetime.datetime(2019, 11, 9, tzinfo=datetime.UTC)):
        digest.issue(state="published")
        digest.story()
        assert digest.load()
        assert "issues/026.md: the issue stays a draft, since its date, 2019-11-10, is still to come" in digest.out
        assert Issue.objects.get().state == IssueState.DRAFT
        assert client.get("/stories/arc/").status_code == 404
    assert digest.load()
    assert client.get("/stories/arc/").status_code == 200


def test_a_time_of_publication_is_kept(digest):
    digest.issue(published_at="2019-11-11T18:30:00+02:00")
    digest.story()
    assert digest.load()
    assert Issue.objects.get().published_at == datetime.datetime(2019, 11, 11, 16, 30, tzinfo=datetime.UTC)


@pytest.mark.parametrize("state", ["draft", "approved"])
def test_an_issue_whose_file_does_not_say_published_stays_a_draft(digest, client, state):
    digest.issue(state=state)
    digest.story()
    assert digest.load()
    assert Issue.objects.get().state == IssueState.DRAFT
    assert client.get("/issues/26/").status_code == 404


def test_an_issue_with_a_draft_story_is_not_published_and_the_story_named(digest):
    digest.issue()
    digest.story(state="draft")
    assert not digest.load()
    assert "issues/026.md: The story “Arc” is not approved: it is draft." in digest.err
    assert (Issue.objects.get().state, Story.objects.get().state) == ("draft", "draft")


def test_a_draft_does_not_slip_into_an_issue_that_is_public(digest, client):
    digest.story()
    digest.load()
    digest.story("unfinished", state="in review")
    assert not digest.load()
    assert "unfinished.md, line 7: Issue 26 is published" in digest.err
    assert client.get("/stories/unfinished/").status_code == 404
    assert Story.objects.count() == 1


def test_nothing_is_published_early_because_the_file_that_forbade_it_is_broken(digest, client):
    digest.write("issues/026.md", "---\nnumber: 26\ndate: 2019-11-10\nstate: draft\ntitle: A: B\n---\n")
    digest.story()
    assert not digest.load()
    assert client.get("/stories/arc/").status_code == 404
    assert "note: Issue 26 stays a draft, until the issue files that are refused are mended." in digest.out
    digest.issue()
    assert digest.load()
    assert client.get("/stories/arc/").status_code == 200


# Changes


def test_a_changed_file_updates_its_story_with_one_revision(digest, client):
    digest.story(topics="[a, b]", papers="[arXiv:1911.01547]")
    digest.load()
    story = Story.objects.get()
    assert [revision.note for revision in story.revisions.all()] == ["Imported from arc.md"]
    digest.story(title="Measured", body="Another text.", topics="[b, c]", papers="[]")
    assert digest.load()
    assert digest.counts()["story"] == (0, 1, 0)
    story.refresh_from_db()
    assert (story.title, story.body) == ("Measured", "Another text.")
    assert sorted(topic.name for topic in story.topics.all()) == ["b", "c"]
    assert not story.papers.exists()
    assert [revision.number for revision in story.revisions.all()] == [2, 1]
    assert story.revisions.get(number=2).snapshot["topics"] == ["b", "c"]
    assert "Another text." in client.get("/stories/arc/").content.decode()


def test_a_change_of_topics_alone_is_a_change_and_one_revision(digest):
    digest.story(topics="[a]")
    digest.load()
    digest.story(topics=None)
    assert digest.load()
    assert digest.counts()["story"] == (0, 1, 0)
    assert Revision.objects.filter(story__slug="arc").count() == 2


def test_a_changed_issue_is_updated_after_its_publication(digest, client):
    digest.issue(text="Hello.", title="One")
    digest.story()
    digest.load()
    published_at = Issue.objects.get().published_at
    digest.issue(text="Good bye.", title="Two")
    assert digest.load()
    assert digest.counts()["issue"] == (0, 1, 0)
    page = client.get("/issues/26/").content.decode()
    assert "Good bye." in page
    assert "Hello." not in page
    assert Issue.objects.get().published_at == published_at


def test_a_story_moves_to_the_issue_that_its_file_names(digest):
    digest.story("a")
    digest.story("b")
    digest.load()
    digest.story("a", issue=27, date="2019-11-24")
    assert digest.load()
    assert Story.objects.get(slug="a").issue.number == 27
    digest.story("a", issue=None)
    assert digest.load()
    assert (Story.objects.get(slug="a").issue, Story.objects.get(slug="a").position) == (None, None)


def test_a_text_links_to_a_story_that_is_imported_later(digest, client):
    digest.story("first", body="See [[second]] and DT #27.")
    digest.load()
    assert "/stories/second/" not in client.get("/stories/first/").content.decode()
    digest.story("second")  # its issue is public already
    digest.story("third", issue=27, date="2019-11-24")
    assert digest.load()
    page = client.get("/stories/first/").content.decode()
    assert 'href="/stories/second/"' in page
    assert 'href="/issues/27/"' in page
    assert not Reference.objects.unresolved().exists()


def test_a_link_follows_the_title_of_its_story_and_goes_when_the_story_leaves(digest, client):
    digest.story("first", body="See [[second]].")
    digest.story("second", title="Before")
    digest.load()
    digest.story("second", title="Afterwards")
    digest.load()
    assert ">Afterwards</a>" in client.get("/stories/first/").content.decode()
    digest.story("second", issue=None)
    digest.load()
    assert 'href="/stories/second/"' not in client.get("/stories/first/").content.decode()


def test_stories_of_a_draft_find_each_other_in_whatever_order_they_come(digest):
    digest.issue(state="draft")
    digest.story("first", body="See [[second]].")
    digest.story("second", body="See [[first]].")
    assert digest.load()
    assert not Reference.objects.unresolved().exists()


def test_another_picture_under_the_same_name_is_another_image_and_the_old_one_stays(digest):
    digest.write("figures/arc.png", png("navy"))
    digest.story(body='![A grid](figures/arc.png "Caption")')
    digest.load()
    old = Image.objects.get()
    digest.write("figures/arc.png", png("teal"))
    assert digest.load()
    assert digest.counts()["figure"] == (1, 0, 0)
    new = Image.objects.exclude(pk=old.pk).get()
    assert Story.objects.get().body == f'![A grid]({new.source} "Caption")'
    assert default_storage.exists(old.file.name)
    assert digest.load()
    assert digest.counts() == {"figure": (0, 0, 1), "story": (0, 0, 1)}


def test_a_figure_may_have_brackets_in_its_text(digest):
    digest.write("figures/arc.png", png())
    digest.story(body="![The entry a[i] of the grid](<figures/arc.png>)")
    assert digest.load(), digest.err
    assert digest.counts()["figure"] == (1, 0, 0)


# Refusals: each with file, line and reason; the rest is taken in


def refused(digest, *words):
    """Import beside a good story; assert that exactly what is wrong is refused, with these words, and leaves no trace."""
    digest.story("good", issue=99, date="2019-01-01", section="Good")
    assert not digest.load()
    lines = re.findall(r"^refused: (.*)$", digest.err, re.M)
    assert len(lines) == 1, digest.err
    for word in words:
        assert word in lines[0]
    assert re.fullmatch(r"1 refused\. Mend what is named above and import again: .*", digest.last_words)
    assert list(Story.objects.values_list("slug", flat=True)) == ["good"]
    assert digest.counts()["story"] == (1, 0, 0)
    assert Issue.objects.count() == Section.objects.count() == 1
    assert not Image.objects.exists()
    assert not Paper.objects.exists()
    assert not Resource.objects.exists()
    assert not Topic.objects.exists()
    return True


@pytest.mark.parametrize(
    ("keys", "line", "words"),
    [
        ({"title": None}, 1, "`title` is missing"),
        ({"title": '""'}, 2, "`title` is missing"),
        ({"slug": None}, 1, "`slug` is missing"),
        ({"section": None}, 1, "`section` is missing"),
        ({"title": "[a]"}, 2, "`title` has to be one text"),
        ({"title": "{a: b}"}, 2, "`title` has to be one text"),
        ({"title": "A: B"}, 2, "A text with a colon in it has to stand in quotes"),
        ({"title": '"' + "x" * 500 + '"'}, 2, "`title`: Ensure this value has at most 200 characters (it has 500)"),
        ({"slug": "two words"}, 3, "`slug`"),
        ({"slug": "研究"}, 3, "`slug`"),
        ({"slug": "a/b"}, 3, "`slug`"),
        ({"slug": "x" * 121}, 3, "`slug`"),
        ({"section": "x" * 101}, 4, "`name`"),
        ({"issue": 0}, 5, "`issue` has to be a whole number from 1, and is “0”"),
        ({"issue": -3}, 5, "is “-3”"),
        ({"issue": "twenty"}, 5, "is “twenty”"),
        ({"issue": 26.5}, 5, "is “26.5”"),
        ({"issue": 10**30}, 5, "`issue`"),
        ({"issue": "[26]"}, 5, "`issue` has to be one text"),
        ({"date": "10 November"}, 6, "`date` has to be a date like 2020-06-07, and is “10 November”"),
        ({"date": "2019-02-30"}, 6, "is “2019-02-30”"),
        ({"date": None}, 5, "There is no issue 26 yet"),
        ({"position": 0}, 7, "`position`"),
        ({"topics": "language models"}, 7, "`topics` has to be a list of texts"),
        ({"topics": "[a, [b]]"}, 7, "`topics` has to be a list of texts"),
        ({"topics": "[a, ~]"}, 7, "`topics` has to be a list of texts"),
        ({"topics": '[a, ""]'}, 7, "`name`: This field cannot be blank"),
        ({"topics": "[a, " + "x" * 101 + "]"}, 7, "`name`"),
        ({"topics": '[a, "🤖"]'}, 7, "no letters for an address"),
        ({"summary": "[a]"}, 7, "`summary` has to be one text"),
        ({"state": "done"}, 7, "The state “done” is not known. Use one of: draft, in review, approved"),
        ({"papers": "arXiv:1911.01547"}, 7, "`papers` has to be a list of texts"),
        ({"papers": '["arXiv:1911.01547", "arXiv:1234.12345"]'}, 7, "“arXiv:1234.12345” is not a DOI"),
        ({"papers": '["arXiv:1911.01547", "nonsense"]'}, 7, "“nonsense” is not a DOI"),
        ({"papers": '["doi:10.1000/' + "x" * 300 + '"]'}, 7, "is not a DOI"),
        ({"resources": "https://example.org/"}, 7, "`resources` has to be a list"),
        ({"resources": "[https://example.org/]"}, 7, "title, url and kind"),
        ({"resources": "[{title: A}]"}, 7, "title, url and kind"),
        ({"resources": "[{title: A, url: {a: b}}]"}, 7, "one text"),
        ({"resources": '[{title: A, url: "https://example.org/", kind: poem}]'}, 7, "the kind “poem” is not known"),
        ({"resources": '[{title: A, url: "javascript:alert(1)"}]'}, 7, "is not a web address"),
        ({"resources": '[{title: A, url: "https://a:b@example.org/"}]'}, 7, "password"),
        ({"resources": '[{title: "' + "x" * 301 + '", url: "https://example.org/"}]'}, 7, "300 characters"),
        ({"resources": '[{title: A, url: "https://example.org/' + "x" * 2000 + '"}]'}, 7, "`url`"),
        ({"summary": "!!python/object/apply:os.system [id]"}, 7, "The tag"),
        ({"summary": "&a [x]", "state": "*a"}, 8, "The alias *a"),
        ({"summary": "a", "summary ": "b"}, 8, "`summary` stands here for the second time"),
        ({"summary": '"\\0"'}, 7, "control character"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(digest, keys, line, words):
    digest.story(name="arc.md", **keys)
    assert refused(digest, f"arc.md, line {line}: ", words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "arc.md, line 1: The file has to begin with front matter"),
        ("Just a text.", "arc.md, line 1: The file has to begin with front matter"),
        ("---\ntitle: A\n\nText.\n", "arc.md, line 1: The file has to begin with front matter"),
        ("---\ntitle: A\n\nText that goes on.\n\n---\n\nMore.\n", "arc.md, line "),
        ("---\n---\nText.", "arc.md, line 2: The front matter has to be keys"),
        ("---\n- a\n---\nText.", "arc.md, line 2: The front matter has to be keys"),
        ("---\ntitle: A\nslug: [a\nsection: S\n---\nText.", "arc.md, line 3: This is not YAML"),
        ('---\ntitle: A\nslug: "a\nsection: S\n---\nText.', "arc.md, line 3: This is not YAML"),
        ("---\ntitle: A\nslug: arc\nsection: S\n---\n \n\n", "arc.md, line 6: The story has no text"),
        ("---\ntitle: A\nslug: arc\nsection: S\n---\nText\x00.", "arc.md, line 6: holds a control character"),
        ("---\ntitle: A\nslug: arc\nsection: S\n---\n" + "[" * 2000, "arc.md, line 6: The text opens over"),
        ("---\ntitle: Caf\u00e9\n---\n".encode("latin-1"), "arc.md, line 2: There is a character that is not UTF-8"),
        (b"\xff\xfe-\x00-\x00", "arc.md, line 1: There is a character that is not UTF-8"),
        (b"x" * (2 * 1024**2 + 1), "arc.md: The file has more than 2 MB"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_story_is_refused(digest, content, words):
    digest.write("arc.md", content)
    assert refused(digest, words)


def test_a_folder_or_a_link_that_poses_as_a_story_is_refused(digest, tmp_path):
    (digest.folder / "arc.md").mkdir()
    assert refused(digest, "arc.md: This is not a file.")
    (digest.folder / "arc.md").rmdir()
    (digest.folder / "arc.md").symlink_to(digest.folder / "gone.md")
    assert refused_again(digest, "arc.md: The file can't be read: No such file or directory.")
    (digest.folder / "arc.md").unlink()
    (tmp_path / "secret.md").write_text("---\ntitle: A\nslug: a\nsection: S\n---\nText.")
    (digest.folder / "arc.md").symlink_to(tmp_path / "secret.md")
    assert refused_again(digest, "arc.md: The file lies outside of the digest's folder.")


def refused_again(digest, words):
    assert not digest.load()
    assert Story.objects.count() == 1
    return words in digest.err


def test_a_file_name_that_no_screen_can_show_is_refused(digest):
    digest.story(name=os.fsdecode(b"caf\xe9.md"))
    assert refused(digest, "The name holds characters that can't be shown")


def test_a_very_long_file_name_does_not_matter(digest):
    digest.story(name="x" * 240 + ".md")
    assert digest.load()


def test_only_what_the_file_alone_brought_goes_with_it(digest):
    """Section, topics, papers, pictures that the refused story would have made; see `refused`."""
    digest.write("figures/arc.png", png())
    digest.story(
        topics="[a]", papers='["arXiv:1911.01547"]', resources='[{title: A, url: "https://example.org/"}, {url: x}]',
        section="Only here", body="![A grid](figures/arc.png)",
    )  # fmt: skip
    assert refused(digest, "“x” is not a web address")
    assert digest.counts() == {"section": (1, 0, 0), "issue": (1, 0, 0), "story": (1, 0, 0)}


def test_no_file_of_a_refused_story_stays_in_the_storage(digest, settings):
    digest.write("figures/arc.png", png())
    digest.story(body="![A grid](figures/arc.png)\n\n![](figures/arc.png)")
    assert refused(digest, "arc.md, line 8: The picture “figures/arc.png” has no alternative text")
    assert stored_files(settings) == {}


def test_a_refused_story_takes_no_file_with_it_that_others_use(digest, settings):
    digest.write("figures/arc.png", png())
    digest.story("a", body="![A grid](figures/arc.png)")
    digest.story("b", body="![A grid](figures/arc.png)", position="no")
    digest.story("c", body="![A grid](figures/arc.png)\n\n![A gap](figures/gap.png)")
    assert not digest.load()
    assert digest.counts()["figure"] == (1, 0, 0)
    assert all(default_storage.exists(image.file.name) for image in Image.objects.all())
    assert Story.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("figures/gone.png", "figures/gone.png: The file can't be read: No such file or directory."),
        ("figures/../../secret.png", "figures/../../secret.png: The file lies outside of the digest's folder."),
        ("figures/link.png", "figures/link.png: The file lies outside of the digest's folder."),
        ("figures/text.png", "text.png can't be read as a PNG or JPEG picture"),
        ("figures/drawing.svg", "drawing.svg can't be read as a PNG or JPEG picture"),
        ("figures/folder.png", "figures/folder.png: This is not a file."),
        ("figures/large.png", "figures/large.png: The file has more than 10 MB."),
        ("figures/my picture.png", "figures/my: "),
        ("/etc/passwd", "There is no picture “/etc/passwd”"),
        ("../secret.png", "There is no picture “../secret.png”"),
        ("https://example.org/x.png", "There is no picture “https://example.org/x.png”"),
    ],
)
def test_a_figure_that_is_none_of_the_folders_pictures_is_refused(digest, tmp_path, path, words):
    (tmp_path / "secret.png").write_bytes(png())
    digest.write("figures/text.png", "no picture")
    digest.write("figures/drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>")
    digest.write("figures/large.png", b"\x89PNG" + b"\x00" * (10 * 1024**2))
    (digest.folder / "figures" / "link.png").symlink_to(tmp_path / "secret.png")
    (digest.folder / "figures" / "folder.png").mkdir()
    digest.story(body=f"A text.\n\n![A grid]({path})")
    line = 10 if path.startswith("figures/") else 8
    assert refused(digest, f"arc.md, line {line}: ", words)


def test_the_second_of_two_files_with_one_slug_is_refused_and_the_first_named(digest):
    digest.story("good", issue=99, date="2019-01-01", section="Good", name="1-good.md")
    digest.story("good", body="Not this.", name="2-good.md")
    assert not digest.load()
    assert "2-good.md, line 3: The slug “good” is that of 1-good.md already. Choose another." in digest.err
    assert Story.objects.get().body == "A text."
    assert digest.counts()["story"] == (1, 0, 0)
    assert not digest.load()
    assert digest.counts()["story"] == (0, 0, 1)


def test_the_second_of_two_files_for_one_issue_is_refused_and_the_first_named(digest):
    digest.issue(title="First")
    digest.write("issues/26b.md", "---\nnumber: 26\ndate: 2019-11-10\ntitle: Second\n---\n")
    digest.story()
    assert not digest.load()
    assert "issues/26b.md, line 2: Issue 26 stands in issues/026.md already. Keep one of them." in digest.err
    assert Issue.objects.get().title == "First"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("---\ndate: 2019-11-10\n---\n", "line 1: The key `number` is missing"),
        ("---\nnumber: 26\n---\n", "line 1: The key `date` is missing"),
        ("---\nnumber: zero\ndate: 2019-11-10\n---\n", "line 2: `number` has to be a whole number"),
        ("---\nnumber: 26\ndate: 2019-11-31\n---\n", "line 3: `date` has to be a date"),
        ("---\nnumber: 26\ndate: 2019-11-10\nstate: publishd\n---\n", "line 4: The state “publishd” is not known"),
        ("---\nnumber: 26\ndate: 2019-11-10\npublished_at: noon\n---\n", "line 4: `published_at` has to be a time"),
        ("---\nnumber: 26\ndate: 2019-11-10\npublished_at: 2019-11-10 12:00\n---\n", "line 4: `published_at` has to be"),
        ("---\nnumber: 26\ndate: 2019-11-10\ntitle: " + "x" * 201 + "\n---\n", "line 4: `title`: Ensure"),
        ("---\nnumber: 26\ndate: 2019-11-10\n---\n\n![](figures/arc.png)\n", "line 6: The picture “figures/arc.png” has no"),
        ("---\nnumber: 26\ndate: 2019-11-10\n---\n\n![A](figures/gone.png)\n", "line 6: figures/gone.png: The file can't"),
        ("---\nnumber: 26\ndate: 2019-11-10\n---\n\nHello\n\nBye\x00\n", "line 8: holds a control character"),
    ],
)  # fmt: skip
def test_a_broken_issue_is_refused_with_its_line(digest, settings, text, words):
    digest.write("figures/arc.png", png())
    digest.write("issues/026.md", text)
    assert refused(digest, f"issues/026.md, {words}")
    assert stored_files(settings) == {}


@pytest.mark.parametrize("name", ["digest.yaml", "topics.yaml", "papers.yaml"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b: c", ", line 1: This is not YAML"),
        ("- a", ", line 1: The file has to hold keys"),
        ("nonsense", ", line 1: The file has to hold keys"),
        ("a: 1\nnonsense: 2", ", line 1: The key `a` is not known. Use: "),
        (b"\xff", ", line 1: There is a character that is not UTF-8"),
    ],
)
def test_a_broken_file_of_records_leaves_the_stories_imported(digest, name, text, words):
    digest.write(name, text)
    assert refused(digest, name + words)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("topics.yaml", "topics: language models", "line 1: `topics` has to be a list of entries"),
        ("topics.yaml", "topics:\n- language models", "line 1: `topics` has to be a list of entries"),
        ("topics.yaml", "topics:\n- description: x", "line 2: This entry has no `name`"),
        ("topics.yaml", "topics:\n- name: [a]", "line 2: `name` has to be one text"),
        ("topics.yaml", "topics:\n- name: a\n  parent: b", "line 3: The key `parent` is not known"),
        ("topics.yaml", "topics:\n- name: a\n  aliases: LLMs", "line 3: `aliases` has to be a list of texts"),
        ("topics.yaml", "topics:\n- name: a\n  aliases: [[b]]", "line 3: `aliases` has to be a list of texts"),
        ("topics.yaml", "topics:\n- name: a\n  aliases: [" + "x" * 101 + "]", "line 3: `name`"),
        ("topics.yaml", "topics:\n- name: a\n  slug: a/b", "line 2: `slug`"),
        ("topics.yaml", "topics:\n- name: '🤖'", "line 2: “🤖” has no letters for an address"),
        ("topics.yaml", "topics:\n- name: " + "x" * 101, "line 2: `name`"),
        ("papers.yaml", "references:\n- title: 'open\n- id: x", "line 2: This is not YAML"),
        ("papers.yaml", "references: {}\nmore: 1", "line 2: The key `more` is not known"),
        ("papers.yaml", "references:\n- id: arXiv:1234.12345", "line 2, arXiv:1234.12345: "),
        ("papers.yaml", "references:\n- type: book", "line 2, a record without id: "),
        ("papers.yaml", "references:\n- id: {a: b}", "line 2, "),
        ("papers.yaml", "references:\n- id: doi:10.1000/1\n  issued: 2021-02-30", "The date “2021-02-30”"),
        ("digest.yaml", "publication: A Digest", "line 1: `publication` has to hold keys"),
        ("digest.yaml", "publication:\n  nom: A Digest", "line 2: The key `nom` is not known"),
        ("digest.yaml", "publication:\n  name: [A]", "line 2: `name` has to be one text"),
        ("digest.yaml", "publication:\n  name: ''", "line 2: `name`: This field cannot be blank"),
        ("digest.yaml", "publication:\n  time_zone: Amsterdam", "line 2: `time_zone`: “Amsterdam” is not a time zone"),
        ("digest.yaml", "publication:\n  from_email: nonsense", "line 2: `from_email`"),
        ("digest.yaml", "sections: Research", "line 1: `sections` has to be a list"),
        ("digest.yaml", "sections:\n- slug: research", "line 2: This entry has no `name`"),
        ("digest.yaml", "sections:\n- name: Research\n  slug: a b", "line 3: `slug`"),
    ],
)
def test_a_wrong_record_is_refused_with_its_line(digest, name, text, words):
    digest.write(name, text)
    assert refused(digest, name, words)


@pytest.mark.parametrize(
    ("text", "words", "left"),
    [
        ("- name: a\n- name: A", "line 3: “A” stands on line 2 already", ["a"]),
        ("- {name: a, aliases: [b]}\n- name: b", "line 3: “b” is another name of the topic “a”", ["a"]),
        (
            "- name: a\n- {name: b, aliases: [a]}",
            "line 3: “b” can't have the other name “a”, which the topic “a” has",
            ["a"],
        ),
        ("- {name: a, aliases: [x]}\n- {name: b, aliases: [X]}", "line 3: “b” can't have the other name “X”", ["a"]),
        ("- {name: a, slug: s}\n- {name: b}\n- {name: B, slug: s}", "line 4: `slug`: Topic with this Slug", ["a", "b"]),
        ("- {name: a, builds_on: [a]}", "line 2: “a” builds on itself", ["a"]),
        ("- {name: a, builds_on: [z]}", "line 2: “a” builds on “z”, which is not a topic", ["a"]),
    ],
)
def test_topics_that_contradict_each_other_are_refused(digest, text, words, left):
    digest.write("topics.yaml", f"topics:\n{text}\n")
    digest.story(issue=None)
    assert not digest.load()
    assert f"refused: topics.yaml, {words}" in digest.err
    assert list(Topic.objects.values_list("name", flat=True)) == left
    assert digest.counts()["topic"] == (len(left), 0, 0)


def test_raw_html_is_named_with_its_line_in_the_file(digest):
    digest.issue(text="Hello.\n\n<!-- outro -->\n\n<div>Bye.</div>")
    digest.story(body="\nOne.\n\n<iframe src='x'></iframe>")
    assert digest.load()
    assert "note: arc.md, line 11: “<iframe src='x'>” is shown as text." in digest.out
    assert "note: issues/026.md, line 9: “<div>” is shown as text." in digest.out


def test_what_keeps_a_draft_from_being_published_is_said(digest):
    digest.issue(state="draft")
    digest.story(state="draft", body="![A gap](https://example.org/x.png)")
    assert digest.load()
    assert "note: arc.md, line 9: There is no picture “https://example.org/x.png”." in digest.out


# The command


def test_a_folder_that_is_none_is_refused_with_a_sentence(digest, tmp_path):
    for folder, words in ((tmp_path / "gone", "There is no such folder"), (digest.folder, "holds no Markdown files")):
        digest.folder = folder
        assert not digest.load()
        assert words in digest.last_words


def test_a_dry_run_of_a_broken_folder_says_the_same_and_leaves_nothing(digest, settings):
    digest.write("figures/arc.png", png())
    digest.story(body="![A grid](figures/arc.png)")
    digest.story("broken", issue="x")
    assert not digest.load("--dry-run")
    announced, refusals = digest.counts(), digest.err
    assert not Story.objects.exists()
    assert stored_files(settings) == {}
    assert not digest.load()
    assert (digest.counts(), digest.err) == (announced, refusals)


def test_what_was_taken_in_before_an_interruption_stays_whole(digest, monkeypatch, settings):
    digest.write("figures/arc.png", png())
    digest.story("a")
    digest.story("b", body="![A grid](figures/arc.png)")

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("issues.importing.stories.set_papers", lambda story, papers: story.slug == "b" and interrupt())
    with pytest.raises(KeyboardInterrupt):
        digest.load()
    assert list(Story.objects.values_list("slug", flat=True)) == ["a"]
    assert stored_files(settings) == {}
    monkeypatch.undo()
    assert digest.load()
    assert digest.counts()["story"] == (1, 0, 1)


def test_a_bar_is_drawn_on_a_terminal_only(digest, capfd):
    digest.story()
    assert digest.load()
    assert capfd.readouterr() == ("", "")


def test_a_story_costs_about_the_same_in_a_large_folder_as_in_a_small_one(digest):
    def queries_for(stories, start):
        for number in range(start, start + stories):
            digest.story(
                f"s{number}", topics=f"[t{number % 5}, u{number}]", papers=f"[arXiv:2005.{number:05}]",
                issue=1000 + number // 5, body=f"See [[s{number - 1}]].",
            )  # fmt: skip
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert digest.load()
        return len(queries)

    first = queries_for(10, start=0) / 10
    for path in digest.folder.glob("*.md"):
        path.unlink()
    second = queries_for(60, start=100) / 60
    with CaptureQueriesContext(connection) as again:
        digest.load()
    assert second <= first * 1.1
    assert second < 110
    assert len(again) / 60 < 20
