"""What is written is the whole digest: read into an empty database, it is the same one."""

import datetime
import io

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from PIL import Image as PillowImage
from PIL import ImageDraw

from issues.image_storing import store_image
from issues.models import Image, Issue, Publication, Section, Story, Topic, TopicAlias
from issues.publishing import publish
from issues.writing import save_publication
from papers.csl import record_paper
from papers.models import Author, Paper, Resource

pytestmark = pytest.mark.django_db

EXAMPLE = settings.BASE_DIR / "examples" / "digest"


def export_to(folder):
    out = io.StringIO()
    call_command("export_digest", folder, stdout=out)
    return out.getvalue()


def import_from(folder):
    call_command("import_digest", folder, stdout=io.StringIO())


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def forget_everything():
    for model in (Story, Issue, Section, Topic, Paper, Author, Resource, Image, Publication):
        model.objects.all().delete()


def the_digest():
    """All that a reader can see or an editor type, without the database's own keys and times."""
    own = {"id", "created_at", "updated_at", "file", "sha256"}

    def rows(queryset):
        foreign = {field.name for field in queryset.model._meta.fields if field.is_relation}
        names = [field.name for field in queryset.model._meta.fields if field.name not in own | foreign]
        return list(queryset.values(*names))

    return {
        "publication": rows(Publication.objects.all()),
        "sections": list(Section.objects.values("name", "slug", "description")),  # in order
        "topics": rows(Topic.objects.order_by("name")),
        "aliases": list(TopicAlias.objects.order_by("name").values("name", "topic__name")),
        "builds on": sorted(Topic.objects.values_list("name", "builds_on__name"), key=str),
        "papers": rows(Paper.objects.order_by("slug")),
        "authors": list(
            Paper.authors.through.objects.order_by("paper__slug", "position").values(
                "paper__slug", "author__family", "author__given", "author__suffix"
            )
        ),
        "issues": rows(Issue.objects.order_by("number")),
        "stories": rows(Story.objects.order_by("slug")),
        "places": list(Story.objects.order_by("slug").values("slug", "issue__number", "section__name")),
        "topics of stories": sorted(Story.objects.values_list("slug", "topic_items__tag__name"), key=str),
        "papers of stories": list(
            Story.papers.through.objects.order_by("story__slug", "position").values("story__slug", "paper__slug")
        ),
        "resources": list(
            Story.resources.through.objects.order_by("story__slug", "position").values(
                "story__slug", "resource__url", "resource__kind", "label", "resource__title"
            )
        ),
        "references": sorted(
            Story.objects.values_list(
                "slug", "references__key", "references__target_issue__number", "references__target_story__slug",
                "references__context",
            ),
            key=str,
        ),
        "figures": sorted(Image.objects.values_list("name", "width", "height")),
    }  # fmt: skip


def make_round_trip(tmp_path):
    """Write, forget, read, write again: both folders and both databases are the same."""
    before = the_digest()
    export_to(tmp_path / "first")
    forget_everything()
    import_from(tmp_path / "first")
    after = the_digest()
    assert before.keys() == after.keys()
    for kind in before:
        assert after[kind] == before[kind], kind
    export_to(tmp_path / "second")
    assert files_in(tmp_path / "second") == files_in(tmp_path / "first")
    return files_in(tmp_path / "first")


def test_the_example_comes_back_from_a_round_trip_and_changes_nothing_where_it_came_from(tmp_path, capsys):
    import_from(EXAMPLE)
    export_to(tmp_path / "out")
    call_command("import_digest", tmp_path / "out")
    table = capsys.readouterr().out
    assert "refused               0" in table
    assert all(line.split()[1:3] == ["0", "0"] for line in table.splitlines()[1:-1]), table
    files = make_round_trip(tmp_path)
    assert {name for name in files if name.startswith("figures/")} == {
        f"figures/{path.name}" for path in (EXAMPLE / "figures").iterdir()
    }
    assert len([name for name in files if name.endswith(".md")]) == 28


def test_what_editors_type_in_the_admin_comes_back_too(tmp_path, make_issue, make_story, make_topic, make_image):
    """Odd texts, gaps between positions, other times of publication, states, and a queue."""
    publication = Publication.objects.current()
    publication.time_zone, publication.tagline = "Europe/Amsterdam", "yes: 'no' #1"
    publication.description = "One.\n\n- two"
    save_publication(publication)
    image = make_image()
    issue = make_issue(
        number=7, date=datetime.date(2024, 7, 1), title="No", subject="12:30", preheader="- dash", intro="Intro:\n\n---\n\nx",
        outro="    code first\n\nBye.",
    )  # fmt: skip
    topics = [make_topic(name) for name in ("C", "C++", "2020", "null")]
    topics[0].builds_on.add(topics[1])
    TopicAlias.objects.create(topic=topics[0], name="Yes", slug="yes")
    paper, _ = record_paper(
        {"title": "A talk: part 1", "type": "speech", "author": [{"family": "Plato", "suffix": "Jr."}]}
    )
    Paper.objects.filter(pk=paper.pk).update(slug="a-talk-of-plato")
    both, _ = record_paper({"DOI": "10.1000/1", "issued": "2020-05"})
    record_paper({"id": "arXiv:2005.14160v2", "DOI": "10.1000/1"})
    resource = Resource.objects.create(url="https://example.org/a", title="1.10", kind="dataset")
    make_story(
        "[[Odd]] & “title”: #1", slug="odd", issue=issue, position=2, topics=topics, papers=[both, paper], resources=[resource],
        body=f"    code first\n\n---\ntitle: x\n---\n\n![A grid]({image.source} \"A: 'caption'\")\n\nSee [[later]], [[gone]] and DT #7.",
        summary="Ends with a colon:",
    )  # fmt: skip
    make_story("Later", issue=issue, position=5, body="Tab\there, 研究 and 🧠.\n\n> Quote\n>\n> — Ada")
    make_story("Waiting", state="in review", body="Draft.")
    make_story("Also waiting", state="draft", body="Draft.")
    publish(issue, datetime.datetime(2024, 7, 2, 18, 30, 1, 5, tzinfo=datetime.UTC))
    make_issue(number=8, date=datetime.date(2024, 7, 15), title="A draft whose date has come")
    make_issue(number=9, date=datetime.date(2999, 1, 1), title="Of the future")
    Story.objects.filter(slug="odd").update(position=1)
    Story.objects.filter(slug="later").update(position=2)
    files = make_round_trip(tmp_path)
    assert b"published_at: '2024-07-02T18:30:01.000005+00:00'" in files["issues/007.md"]
    assert b"published_at" not in files["issues/009.md"]


def test_an_issue_published_at_noon_says_no_time(tmp_path, make_issue, make_story):
    Publication.objects.current()
    Publication.objects.update(time_zone="Europe/Amsterdam")
    issue = make_issue(number=7, date=datetime.date(2024, 7, 1))
    make_story(issue=issue)
    publish(issue, datetime.datetime(2024, 7, 1, 10, tzinfo=datetime.UTC))
    assert b"published_at" not in make_round_trip(tmp_path)["issues/007.md"]


def test_an_issue_that_will_be_public_later_still_will_be(tmp_path, make_issue, make_story):
    issue = make_issue(number=7, date=datetime.date(2024, 7, 1))
    make_story(issue=issue)
    publish(issue, datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC))
    make_round_trip(tmp_path)
    assert not Issue.objects.get().is_public


def test_gaps_between_positions_close(tmp_path, make_issue, make_story):
    issue = make_issue(number=7)
    for position in (2, 5, 9):
        make_story(f"At {position}", issue=issue, position=position)
    export_to(tmp_path / "first")
    forget_everything()
    import_from(tmp_path / "first")
    assert list(Story.objects.order_by("position").values_list("slug", "position")) == [
        ("at-2", 1),
        ("at-5", 2),
        ("at-9", 3),
    ]
    export_to(tmp_path / "second")
    assert files_in(tmp_path / "second") == files_in(tmp_path / "first")


def test_the_newlines_of_a_browsers_form_become_those_of_a_file(tmp_path, make_story):
    make_story("Typed", body="One.\r\n\r\nTwo.")
    export_to(tmp_path / "first")
    assert (tmp_path / "first" / "queue-typed.md").read_bytes().endswith(b"---\n\nOne.\n\nTwo.\n")


def test_a_picture_that_no_text_shows_is_left_out(tmp_path, make_image, make_story):
    make_image("old.png", colour="red")
    shown = make_image("new.png")
    make_story(body=f"![A grid]({shown.source})")
    assert {name for name in make_round_trip_without_images(tmp_path) if name.endswith(".png")} == {"figures/new.png"}


def make_round_trip_without_images(tmp_path):
    export_to(tmp_path / "first")
    forget_everything()
    import_from(tmp_path / "first")
    export_to(tmp_path / "second")
    assert files_in(tmp_path / "second") == files_in(tmp_path / "first")
    return files_in(tmp_path / "first")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_a_drawing_comes_back_with_the_same_bytes(tmp_path, make_story, mode):
    picture = PillowImage.new("RGB", (1300, 40), "white")
    ImageDraw.Draw(picture).line((0, 0, 1300, 40), fill="red", width=5)
    data = io.BytesIO()
    picture.convert(mode).save(data, "PNG")
    image = store_image("line.png", data.getvalue())
    make_story(body=f"![A line]({image.source})")
    make_round_trip(tmp_path)


def test_a_photograph_is_not_compressed_anew_each_time_it_travels(tmp_path, make_story):
    picture = PillowImage.effect_noise((300, 200), 80).convert("RGB")
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=95)
    image = store_image("noise.jpg", data.getvalue())
    make_story(body=f"![Noise]({image.source})")
    make_round_trip(tmp_path)


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path):
    (tmp_path / "notes.txt").write_text("Mine.")
    with pytest.raises(CommandError, match="The folder is not empty"):
        export_to(tmp_path)
    with pytest.raises(CommandError, match="The folder is not empty"):
        export_to(tmp_path / "notes.txt")
    assert files_in(tmp_path) == {"notes.txt": b"Mine."}


def test_an_empty_digest_is_written_too(tmp_path):
    assert export_to(tmp_path / "out") == f"1 files written to {tmp_path / 'out'}.\n"
    assert set(files_in(tmp_path / "out")) == {"digest.yaml"}


def test_writing_costs_no_query_for_each_story(
    tmp_path, make_issue, make_story, make_paper, django_assert_max_num_queries
):
    for _ in range(20):
        make_story(issue=make_issue(), papers=[make_paper(authors=["A", "B"])], topics=[])
    with django_assert_max_num_queries(20):
        export_to(tmp_path / "out")
