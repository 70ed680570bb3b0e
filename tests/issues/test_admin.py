import html
import io

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image as PillowImage

from issues.models import Image, IssueState, Publication, Revision, Story, Topic
from papers.models import Resource
from tests.admin_forms import change, errors, member_of, messages, save

ADD_STORY = "/admin/issues/story/add/"


@pytest.fixture
def admin_client(client, db):
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def new_story(make_section):
    """What is typed into the empty form."""
    return {"title": "Scaling laws", "slug": "scaling-laws", "section": make_section().pk, "body": "A *text*."}


# Pages


PAGES = ["story", "issue", "topic", "section", "image", "revision"]


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("group", ["writer", "editor", "publisher"])
def test_every_list_opens_for_every_group(client, kind, group, make_story, make_image):
    make_story()
    make_image()
    client.force_login(member_of(group))
    assert client.get(reverse(f"admin:issues_{kind}_changelist")).status_code == 200


def test_a_section_can_be_renamed_and_keeps_its_address(admin_client, make_section):
    section = make_section("News", slug="news")
    save(admin_client, change(section), name="Short news", slug="short-news")
    section.refresh_from_db()
    assert (section.name, section.slug) == ("Short news", "news")
    assert "id_slug" in admin_client.get(reverse("admin:issues_section_add")).content.decode()


@pytest.mark.parametrize("kind", PAGES)
def test_a_list_asks_the_database_as_often_for_ten_rows_as_for_one(
    admin_client, kind, make_story, make_issue, make_topic, make_section, make_image
):
    def add(number):
        issue = make_issue(number=number, title=f"Issue {number}")
        topic = make_topic(f"topic {number}")
        make_section(f"Section {number}")
        make_image(f"{number}.png", size=(10 + number, 10))
        make_story(f"Story {number}", issue=issue, topics=[topic], body="DT #999")

    def count():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert admin_client.get(reverse(f"admin:issues_{kind}_changelist")).status_code == 200
        return len(queries)

    add(1)
    Publication.objects.current()
    count()
    few = count()
    for number in range(2, 11):
        add(number)
    assert count() == few


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("place=queue", ["Waiting"]),
        ("place=next", ["Coming"]),
        ("place=published", ["Out"]),
        ("references=unresolved", ["Waiting"]),
        ("q=needle", ["Coming"]),
    ],
)
def test_stories_are_found_by_place_reference_and_word(editor, make_story, make_issue, query, titles):
    make_story("Waiting", body="DT #999")
    make_story("Coming", issue=make_issue(), body="A needle.")
    make_story("Out", issue=make_issue(published_at=timezone.now()))
    page = editor.get(f"/admin/issues/story/?{query}")
    assert [story.title for story in page.context["cl"].queryset] == titles


# Writing a story


def test_saving_a_new_story_makes_one_revision_with_its_topics_papers_and_resources(
    writer, new_story, make_topic, make_paper
):
    resource = Resource.objects.create(url="https://example.org/", title="Code")
    topic, papers = make_topic(), [make_paper("First"), make_paper("Second")]
    page = save(
        writer,
        ADD_STORY,
        **new_story,
        topics=[topic.pk],
        papers=[papers[1].pk, papers[0].pk],
        resources=[resource.pk],
    )
    assert "was added successfully" in " ".join(messages(page))
    story = Story.objects.get()
    assert story.body_html == "<p>A <em>text</em>.</p>"
    assert [row.paper.title for row in story.story_papers.all()] == ["Second", "First"]
    revision = story.revisions.get()
    assert revision.editor.username == "a-writer"
    assert revision.snapshot["topics"] == [topic.name]
    assert revision.snapshot["papers"] == [papers[1].pk, papers[0].pk]
    assert revision.snapshot["resources"] == [[resource.pk, ""]]


def test_saving_a_story_unchanged_makes_no_revision(editor, make_story, make_topic, make_paper):
    story = make_story(topics=[make_topic()], papers=[make_paper()])
    save(editor, change(story))
    count = story.revisions.count()
    save(editor, change(story))
    assert story.revisions.count() == count


def test_the_line_ends_that_browsers_send_change_no_text(editor, make_issue):
    issue = make_issue(intro="One.\n\nTwo.")
    save(editor, change(issue), intro="One.\r\n\r\nTwo.")
    issue.refresh_from_db()
    assert issue.intro == "One.\n\nTwo."
    assert issue.revisions.count() == 1


def test_changing_only_the_topics_makes_one_revision(editor, make_story, make_topic):
    story = make_story()
    save(editor, change(story), topics=[make_topic().pk])
    assert [revision.snapshot["topics"] for revision in story.revisions.all()] == [["language models"], []]


def test_papers_change_places_by_their_numbers(editor, make_story, make_paper):
    story = make_story(papers=[make_paper(title) for title in "ABC"])
    save(editor, change(story), **places(story, 1, 2, 1))
    assert [row.paper.title for row in story.story_papers.all()] == ["C", "A", "B"]


def places(story, *numbers):
    """What is typed as the places of the story's papers, in the order in which they stand."""
    return {
        f"papers-place-{row.paper_id}": number for row, number in zip(story.story_papers.all(), numbers, strict=True)
    }


def test_a_paper_is_taken_off_a_story_and_stays_stored(writer, make_story, make_paper):
    paper = make_paper()
    story = make_story(papers=[paper, make_paper("Other")], state="draft")
    save(writer, change(story), **{f"papers-remove-{paper.pk}": "on"})
    assert [row.paper.title for row in story.story_papers.all()] == ["Other"]
    paper.refresh_from_db()


def test_markdown_that_cannot_be_read_is_refused_beside_the_text_and_nothing_typed_is_lost(writer, new_story):
    body = "Kept. " + "[" * 2000
    page = save(writer, ADD_STORY, **new_story | {"body": body})
    assert "square brackets" in errors(page)
    assert page.context["adminform"].form["body"].value() == body
    assert not Story.objects.exists()


def test_what_keeps_a_draft_from_being_published_is_a_warning(writer, new_story):
    page = save(writer, ADD_STORY, **new_story | {"body": "![A grid](figures/missing.png)"})
    assert any("There is no picture “figures/missing.png”" in message for message in messages(page))
    assert Story.objects.exists()


def test_approving_refuses_what_keeps_a_story_from_being_published(editor, make_story):
    story = make_story(state="in review", body="![A grid](figures/missing.png)")
    page = save(editor, change(story), step="approve")
    assert "There is no picture" in errors(page)
    story.refresh_from_db()
    assert story.state == "in review"


def test_a_reference_becomes_a_link_once_its_story_is_written_into_the_same_issue(editor, make_story, make_issue):
    issue = make_issue()
    early = make_story("Early", issue=issue, body="See [[late]].")
    late = make_story("Late", state="draft")
    save(editor, change(late), issue=issue.pk)
    early.refresh_from_db()
    assert f'href="{late.get_absolute_url()}"' in early.body_html


# Where a story stands


def test_a_story_comes_last_where_no_position_is_typed(editor, make_story, make_issue):
    issue = make_issue()
    make_story(issue=issue)
    story = make_story()
    save(editor, change(story), issue=issue.pk)
    story.refresh_from_db()
    assert story.position == 2


def test_a_taken_position_is_refused_with_the_story_that_has_it(editor, make_story, make_issue):
    issue = make_issue(number=41)
    make_story("First", issue=issue)
    story = make_story("Second", issue=issue)
    page = save(editor, change(story), position=1)
    assert "Position 1 of issue #41 is that of “First”" in errors(page)


def test_a_story_that_moves_to_another_issue_does_not_bring_its_position(editor, make_story, make_issue):
    old, new = make_issue(), make_issue()
    make_story(issue=new)
    story = make_story(issue=old)
    save(editor, change(story), issue=new.pk)
    story.refresh_from_db()
    assert (story.issue, story.position) == (new, 2)


def test_a_story_goes_back_to_the_queue_without_its_position(editor, make_story, make_issue):
    story = make_story(issue=make_issue())
    save(editor, change(story), issue="")
    story.refresh_from_db()
    assert (story.issue, story.position) == (None, None)


def test_a_story_in_a_published_issue_keeps_issue_address_and_approval(editor, make_story, make_issue):
    issue = make_issue(published_at=timezone.now())
    story = make_story("Out", issue=issue)
    save(
        editor, change(story), issue=make_issue().pk, slug="elsewhere", state="draft", summary="Changed.", change="typo"
    )
    story.refresh_from_db()
    assert (story.issue, story.slug, story.state, story.summary) == (issue, "out", "approved", "Changed.")


def test_a_story_is_not_slipped_into_a_published_issue(editor, make_story, make_issue):
    story = make_story(state="draft")
    page = save(editor, change(story), issue=make_issue(published_at=timezone.now()).pk)
    assert "not one of the available choices" in errors(page)


def test_a_published_story_is_not_deleted(admin_client, make_story, make_issue):
    story = make_story(issue=make_issue(published_at=timezone.now()))
    address = reverse("admin:issues_story_delete", args=[story.pk])
    assert admin_client.post(address, {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [story.pk], "post": "yes"}
    admin_client.post("/admin/issues/story/", action)
    assert Story.objects.filter(pk=story.pk).exists()


def test_a_draft_is_deleted_with_its_revisions(editor, make_story):
    story = make_story(state="draft")
    editor.post(reverse("admin:issues_story_delete", args=[story.pk]), {"post": "yes"})
    assert not Story.objects.exists()
    assert not Revision.objects.exists()


# Who may do what


def test_a_writer_cannot_approve(writer, new_story):
    page = save(writer, ADD_STORY, **new_story, step="approve")
    assert "This step is not open to you" in errors(page)
    assert not Story.objects.exists()


def test_a_writer_does_not_change_what_is_approved(writer, make_story):
    story = make_story(state="approved", body="As approved.")
    writer.post(change(story), {"title": "Mine", "body": "Mine.", "slug": "mine", "section": story.section_id})
    story.refresh_from_db()
    assert story.body == "As approved."


def test_an_editor_approves(editor, make_story):
    story = make_story(state="in review")
    save(editor, change(story), step="approve")
    story.refresh_from_db()
    assert story.state == "approved"


@pytest.mark.parametrize("kind", ["issue", "topic", "section"])
def test_issues_topics_and_sections_are_an_editors(client, kind, db):
    address = reverse(f"admin:issues_{kind}_add")
    client.force_login(member_of("writer"))
    assert client.get(address).status_code == 403
    client.force_login(member_of("editor"))
    assert client.get(address).status_code == 200


def test_the_publication_is_the_publishers(client, publication):
    address = change(publication)
    client.force_login(member_of("editor"))
    assert client.post(address, {"name": "Mine"}).status_code == 403
    client.force_login(member_of("publisher"))
    save(client, address, name="Renamed")
    assert Publication.objects.current().name == "Renamed"


def test_the_groups_are_filled_again_by_migrating_without_taking_what_was_added(db):
    group = Group.objects.get(name="writer")
    before = set(group.permissions.values_list("codename", flat=True))
    assert "approve_story" not in before
    group.permissions.set(Group.objects.get(name="publisher").permissions.filter(codename="approve_story"))
    call_command("migrate", verbosity=0)
    assert set(group.permissions.values_list("codename", flat=True)) == before | {"approve_story"}


def test_publishers_may_send_and_editors_may_not(db):
    def may_send(group):
        return member_of(group).has_perm("deliveries.send_mailing")

    assert (may_send("publisher"), may_send("editor"), may_send("writer")) == (True, False, False)


def test_strangers_see_no_preview(client, make_story, make_issue):
    issue = make_issue()
    story = make_story(issue=issue)
    for name, row in (("story", story), ("issue", issue)):
        address = reverse(f"admin:issues_{name}_preview", args=[row.pk])
        assert client.get(address).status_code == 302
        client.force_login(User.objects.create_user(f"no rights to {name}", is_staff=True))
        assert client.get(address).status_code == 403
        client.logout()


def test_the_preview_of_a_draft_is_the_page_of_the_archive(writer, make_story, make_issue):
    issue = make_issue(title="To come")
    story = make_story("A draft", state="draft", issue=issue)
    queued = make_story("In the queue", state="draft")
    for row, text in ((story, "A draft"), (queued, "In the queue"), (issue, "To come")):
        page = writer.get(reverse(f"admin:issues_{row._meta.model_name}_preview", args=[row.pk]))
        assert text in page.content.decode()
        assert "no-store" in page.headers["Cache-Control"]
        assert page.templates[0].name == f"issues/{row._meta.model_name}_detail.html"


def test_the_preview_of_a_queued_story_shows_no_references_between_others(writer, make_story, make_issue):
    make_story("Elsewhere", body="As in DT #999 and [[nowhere]].", issue=make_issue(published_at=timezone.now()))
    queued = make_story("In the queue", state="draft")
    page = writer.get(reverse("admin:issues_story_preview", args=[queued.pk])).content.decode()
    assert "Elsewhere" not in page


# Issues


def test_an_intro_that_cannot_be_read_is_refused_beside_it(editor, make_issue):
    page = save(editor, change(make_issue()), intro="[" * 2000)
    assert "square brackets" in errors(page)


def test_publishing_on_the_web_is_asked_first_and_done_by_post(publisher, make_story, make_issue):
    issue = make_issue()
    make_story(issue=issue)
    address = reverse("admin:issues_issue_publish", args=[issue.pk])
    assert address in publisher.get(change(issue)).content.decode()
    assert "Publish it now" in publisher.get(address).content.decode()
    issue.refresh_from_db()
    assert issue.state == IssueState.DRAFT
    publisher.post(address)
    issue.refresh_from_db()
    assert issue.state == IssueState.PUBLISHED


def test_what_stands_in_the_way_of_publishing_is_listed(publisher, make_story, make_issue):
    issue = make_issue()
    make_story("Half done", issue=issue, state="draft")
    page = publisher.post(reverse("admin:issues_issue_publish", args=[issue.pk]))
    assert "The story “Half done” is not approved: it is draft." in page.content.decode()
    issue.refresh_from_db()
    assert issue.state == IssueState.DRAFT


def test_publishing_needs_the_permission_and_the_token(client, make_story, make_issue):
    issue = make_issue()
    make_story(issue=issue)
    address = reverse("admin:issues_issue_publish", args=[issue.pk])
    client.force_login(member_of("editor"))
    assert client.post(address).status_code == 403
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(member_of("publisher"))
    assert strict.post(address).status_code == 403
    issue.refresh_from_db()
    assert issue.state == IssueState.DRAFT


# The publication, topics, pictures, revisions


def test_the_publication_has_one_page_and_is_neither_added_nor_deleted(admin_client, publication):
    assert admin_client.get("/admin/issues/publication/").url == change(publication)
    assert admin_client.get("/admin/issues/publication/add/").status_code == 403
    assert admin_client.get(reverse("admin:issues_publication_delete", args=[publication.pk])).status_code == 403


def test_a_topics_old_names_redirect(editor, make_topic, make_story, make_issue):
    topic = make_topic("transformers")
    make_story(topics=[topic], issue=make_issue(published_at=timezone.now()))
    save(editor, change(topic), name="attention", slug="attention")
    assert editor.get("/topics/transformers/").url == "/topics/attention/"
    assert [alias.name for alias in topic.aliases.all()] == ["transformers"]
    topic.refresh_from_db()
    save(editor, change(topic), name="transformers", slug="transformers")
    assert [alias.slug for alias in topic.aliases.all()] == ["attention"]


def test_a_topic_does_not_build_on_itself(editor, make_topic):
    topic = make_topic()
    page = save(editor, change(topic), builds_on=[topic.pk])
    assert "A topic can&#x27;t build on itself" in errors(page)


def test_a_topic_is_not_named_like_anothers_alias(editor, make_topic):
    make_topic("language models").aliases.create(name="LLMs", slug="llms")
    page = save(editor, "/admin/issues/topic/add/", name="llms", slug="llms-2")
    assert "is an alias of the topic “language models”" in errors(page)


def test_an_alias_is_not_named_like_another_topic(editor, make_topic):
    make_topic("benchmarks")
    page = save(editor, change(make_topic()), **{"aliases-0-name": "Benchmarks"})
    assert "is a topic of its own" in errors(page)


def test_an_alias_gets_its_slug_from_its_name(editor, make_topic):
    topic = make_topic()
    save(editor, change(topic), **{"aliases-0-name": "Large models"})
    assert topic.aliases.get().slug == "large-models"


def test_topics_are_offered_by_their_aliases_too(writer, make_topic):
    make_topic("language models").aliases.create(name="LLMs", slug="llms")
    query = {"app_label": "issues", "model_name": "story", "field_name": "topics", "term": "LLM"}
    assert writer.get("/admin/autocomplete/", query).json()["results"] == [
        {"id": str(Topic.objects.get().pk), "text": "language models"}
    ]


def png(colour="navy", name="My grid (1).PNG"):
    data = io.BytesIO()
    PillowImage.new("RGB", (600, 300), colour).save(data, "PNG")
    return SimpleUploadedFile(name, data.getvalue())


def test_a_picture_is_stored_under_a_name_that_markdown_can_hold(writer):
    page = writer.post("/admin/issues/image/add/", {"file": png(), "name": ""}, follow=True)
    assert '![What is to be seen](figures/my-grid-1.png "Caption")' in html.unescape(page.content.decode())
    assert Image.objects.get().width == 600


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"<svg onload=alert(1)>", "be read as a PNG or JPEG picture"),
        (b"x" * (10 * 1024 * 1024 + 1), "10 MB are the most"),
    ],
)
def test_a_picture_that_is_none_is_refused_with_a_sentence(writer, data, sentence):
    page = writer.post("/admin/issues/image/add/", {"file": SimpleUploadedFile("x.png", data)})
    assert sentence in errors(page)
    assert not Image.objects.exists()


def test_a_picture_that_is_stored_already_is_named(writer):
    writer.post("/admin/issues/image/add/", {"file": png()})
    page = writer.post("/admin/issues/image/add/", {"file": png(name="other.png")})
    assert "stored already: write ![…](figures/my-grid-1.png)" in errors(page)


def test_a_pictures_file_is_not_replaced(admin_client, make_image):
    image = make_image()
    assert admin_client.post(change(image), {"file": png("red"), "name": "new"}).status_code == 403
    assert Image.objects.get().name == image.name


def test_a_picture_that_a_story_shows_is_not_deleted(editor, make_image, make_story):
    image = make_image("grid.png")
    make_story("ARC", body="![A grid](figures/grid.png)")
    page = editor.post(reverse("admin:issues_image_delete", args=[image.pk]), {"post": "yes"})
    assert "The story “ARC” shows figures/grid.png." in page.content.decode()
    editor.post("/admin/issues/image/", {"action": "delete_selected", "_selected_action": [image.pk], "post": "yes"})
    assert Image.objects.exists()


def test_a_picture_that_no_text_shows_is_deleted(editor, make_image):
    editor.post(reverse("admin:issues_image_delete", args=[make_image().pk]), {"post": "yes"})
    assert not Image.objects.exists()


def test_revisions_are_read_and_nothing_else(admin_client, make_story):
    revision = make_story(body="<script>alert(1)</script>").revisions.get()
    page = admin_client.get(change(revision)).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert admin_client.post(change(revision), {"note": "x"}).status_code == 403
    assert admin_client.post(reverse("admin:issues_revision_delete", args=[revision.pk])).status_code == 403
    assert admin_client.get("/admin/issues/revision/add/").status_code == 403


def test_the_admin_carries_no_inline_script_or_style(admin_client, make_story, make_issue, make_image):
    issue = make_issue()
    rows = [make_story(issue=issue), issue, make_image(), Publication.objects.current()]
    for address in ["/admin/", "/admin/issues/image/", "/admin/issues/story/", *map(change, rows)]:
        page = admin_client.get(address).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert "<script>" not in page
