from datetime import timedelta

from django.utils import timezone

from issues.models import Correction


def test_corrections_are_listed_the_latest_first_and_lead_to_their_stories(client, make_issue, make_story):
    story = make_story(title="Maps", issue=make_issue(published_at=timezone.now() - timedelta(days=9)))
    old = Correction.objects.create(story=story, date="2026-03-01", text="It was 41, not 14.")
    new = Correction.objects.create(story=story, date="2027-03-01", text="It was 42.")
    page = client.get("/corrections/").content.decode()
    assert page.index("It was 42.") < page.index("It was 41, not 14.")
    assert f'href="/stories/maps/#correction-{new.pk}"' in page
    assert f'href="/stories/maps/#correction-{old.pk}"' in page
    assert 'href="/corrections/feed.atom"' in page
    assert 'href="/corrections/"' in client.get("/").content.decode()


def test_corrections_of_what_is_not_public_are_not_listed(client, make_issue, make_story):
    story = make_story(title="Maps", issue=make_issue())
    Correction.objects.create(story=story, text="A secret.")
    page = client.get("/corrections/").content.decode()
    assert "A secret." not in page
    assert "Nothing has been corrected yet." in page


def test_the_list_costs_the_same_at_1_and_30(client, make_issue, make_story, django_assert_num_queries):
    issue = make_issue(published_at=timezone.now() - timedelta(days=9))
    for _ in range(30):
        Correction.objects.create(story=make_story(issue=issue), text="It was 42.")
    with django_assert_num_queries(2):
        client.get("/corrections/")
