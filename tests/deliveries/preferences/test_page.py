"""The page behind a reader's own link, as readers and scanners meet it."""

import datetime
import json

import pytest
import time_machine
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deliveries import freezing, queueing, sending
from issues.merging import merge_topics
from issues.models import Story
from subscribers import preferences, tasks
from subscribers.models import AddressChange, Subscriber, SubscriberState
from subscribers.tokens import unsubscribe_token
from tests.deliveries.preferences.conftest import fresh, history_of, path_in_issues, path_of

pytestmark = pytest.mark.django_db
STEPS = ["stories", "pause", "resume", "address", "unsubscribe", "return", "erase"]


@pytest.fixture
def topics(make_story, make_issue, make_topic):
    """Two topics with a published story, one without."""
    make_topic("unpublished")
    issue = make_issue(published_at=timezone.now(), date=datetime.date(2020, 1, 1))
    topics = [make_topic("robots"), make_topic("vision")]
    make_story(issue=issue, position=1, topics=topics)
    return topics


def test_the_page_says_what_the_reader_gets_and_hides_most_of_the_address(client, reader, topics):
    page = client.get(path_of(reader)).content.decode()
    assert "a•••@example.org" in page
    assert "ada@" not in page
    assert "gets each issue of Dynamically Typed" in page
    for key in ("section/machine-learning-research", "topic/robots", "topic/vision"):
        assert f'value="{key}"' in page
    assert "unpublished" not in page


def test_readers_choose_sections_and_topics_and_take_it_back(client, press, reader, topics):
    page = press(reader, "stories", about=["topic/robots", "section/machine-learning-research", "topic/made-up"])
    assert fresh(reader).choice == "section/machine-learning-research topic/robots"
    assert "gets the stories on Machine Learning Research and robots" in page.content.decode()
    assert page.content.decode().count(" checked") == 2
    press(reader, "stories", about=["topic/robots"], all="yes")
    assert fresh(reader).choice == ""
    assert history_of(reader) == [
        ("chosen", "preference page", "Only stories on Machine Learning Research and robots"),
        ("chosen", "preference page", "The whole of each issue"),
    ]


def test_a_choice_survives_that_its_topic_is_renamed(client, press, reader, topics):
    press(reader, "stories", about=["topic/robots"])
    robots = topics[0]
    robots.name, robots.slug = "robotics", "robotics"
    robots.save()
    robots.aliases.create(name="robots", slug="robots")
    assert "the stories on robotics" in client.get(path_of(reader)).content.decode()


def test_a_chosen_topic_stays_on_offer_while_no_story_has_it(client, press, reader, topics, make_topic):
    make_topic("quiet")
    press(reader, "stories", about=["topic/quiet"])
    assert fresh(reader).choice == "", "it is not on offer yet"
    Subscriber.objects.update(choice="topic/quiet")
    assert "gets the stories on quiet" in client.get(path_of(reader)).content.decode()
    press(reader, "stories", about=["topic/quiet", "topic/robots"])
    assert fresh(reader).choice == "topic/quiet topic/robots"


def test_a_deleted_topic_leaves_the_choices_and_a_merged_one_stays(
    press, reader, make_subscriber, topics, make_topic, django_capture_on_commit_callbacks
):
    robots, vision = topics
    press(reader, "stories", about=["topic/robots"])
    both, longer = make_subscriber(choice="topic/robots topic/vision"), make_subscriber(choice="topic/robots-and-us")
    with django_capture_on_commit_callbacks(execute=True):
        robots.delete()
    assert [fresh(each).choice for each in (reader, both, longer)] == ["", "topic/vision", "topic/robots-and-us"]
    assert history_of(reader)[-1] == ("chosen", "deleted topic", "The topic robots was given up, and left the choice")
    with django_capture_on_commit_callbacks(execute=True):
        merge_topics(make_topic("sight"), [vision], {})
    assert fresh(both).choice == "topic/vision", "an alias of sight now"


def test_a_deleted_section_leaves_the_choices(press, reader, make_section, make_subscriber):
    section = make_section("News", slug="news")
    both = make_subscriber(choice="section/news section/newsletter")
    press(reader, "stories", about=["section/news"])
    section.delete()
    assert [fresh(each).choice for each in (reader, both)] == ["", "section/newsletter"]
    assert history_of(reader)[-1] == ("chosen", "deleted section", "The section News was given up, and left the choice")


def test_readers_pause_for_weeks_or_until_a_day_and_come_back_by_themselves_or_sooner(press, client, reader):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        press(reader, "pause", weeks=2)
        assert fresh(reader).paused_until == datetime.date(2030, 3, 15)
        page = press(reader, "pause", until="2030-03-20").content.decode()
        assert "gets nothing before 20 March 2030" in page
        press(reader, "resume")
        assert fresh(reader).paused_until is None
        press(reader, "pause", until="2030-03-20")
        clock.move_to("2030-03-20T00:00:01Z")
        assert "gets each issue" in client.get(path_of(reader)).content.decode()
    assert fresh(reader).state == "active"
    assert [(kind, wording) for kind, _, wording in history_of(reader)] == [
        ("paused", "Pause until 15 March 2030"),
        ("paused", "Pause until 20 March 2030"),
        ("resumed", "End the pause"),
        ("paused", "Pause until 20 March 2030"),
    ]


@pytest.mark.parametrize("until", ["", "soon", "2030-03-01", "2031-03-10", "0001-01-01"])
def test_a_pause_needs_a_day_to_come_within_a_year(press, reader, until):
    with time_machine.travel("2030-03-01T12:00Z", tick=False):
        answer = press(reader, "pause", until=until)
    assert answer.status_code == 400
    assert "Choose a day after today" in answer.content.decode()
    assert fresh(reader).paused_until is None


def test_readers_leave_and_return_by_the_same_link(press, reader):
    assert "gets no issues" in press(reader, "unsubscribe").content.decode()
    assert fresh(reader).state == "unsubscribed"
    assert "gets each issue" in press(reader, "return").content.decode()
    assert fresh(reader).state == "active"
    assert history_of(reader) == [
        ("unsubscribed", "preference page", ""),
        ("confirmed", "preference page", "Yes, send me each issue again"),
    ]


@pytest.mark.parametrize("state", ["bounced", "complained"])
def test_whose_mail_came_back_or_who_complained_reads_why_and_may_return(client, press, make_subscriber, state):
    reader = make_subscriber(state=state)
    page = client.get(path_of(reader)).content.decode()
    assert {"bounced": "came back to us", "complained": "reported as spam"}[state] in page
    press(reader, "return")
    assert fresh(reader).state == "active"


def test_who_got_an_issue_passed_on_signs_up_nobody_who_has_left(client, make_subscriber):
    reader = make_subscriber(state="unsubscribed")
    path = path_in_issues(reader)
    assert "/return/" not in client.get(path).content.decode()
    assert client.post(f"{path}return/", follow=True).redirect_chain == [(f"{path}?saved=ask", 302)]
    assert fresh(reader).state == "unsubscribed"
    assert not history_of(reader)


def test_pressing_twice_writes_one_line(press, reader):
    for _ in range(2):
        press(reader, "pause", until=(timezone.now() + datetime.timedelta(days=9)).date().isoformat())
        press(reader, "return")
    assert [kind for kind, _, _ in history_of(reader)] == ["paused"]


def test_readers_download_all_that_is_kept(
    client, press, reader, topics, publication, make_issue, make_story, smtp_server
):
    press(reader, "stories", about=["topic/robots"])
    make_story(issue=(issue := make_issue()), position=1, topics=topics)
    mailing = freezing.freeze(issue, by=None)
    queueing.start(mailing)
    sending.send_batch(mailing.pk)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{path_of(reader)}data/")
    assert not [query["sql"] for query in queries if '"html"' in query["sql"]]  # of each mail that was ever sent
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    data = json.loads(answer.content)
    assert (data["address"], data["state"], data["chosen"]) == ("ada@example.org", "active", ["topic/robots"])
    assert data["history"][0]["wording"] == "Only stories on robots"
    assert [(each["issue"], each["state"]) for each in data["deliveries"]] == [(2, "sent")]


def test_erasing_asks_first_and_leaves_nothing_that_names_the_reader(client, press, reader):
    press(reader, "stories", about=["section/x"])
    press(reader, "address", email="new@example.org")
    assert "Yes, erase me" in client.get(f"{path_of(reader)}erase/").content.decode()
    path = path_of(reader)
    assert "You are erased" in press(reader, "erase").content.decode()
    gone = fresh(reader)
    assert (gone.state, gone.email, gone.choice, gone.paused_until) == ("erased", "", "", None)
    assert not AddressChange.objects.exists()
    assert client.get(path).status_code == 404
    assert client.get(f"{path}data/").status_code == 404


# What every view keeps.


def test_scanners_that_follow_every_link_and_try_every_method_change_nothing(client, reader):
    before = vars(fresh(reader)) | {"_state": None}
    for step in ["", "data/", *(f"{step}/" for step in STEPS)]:
        for method in (client.get, client.head, client.options):
            method(f"{path_of(reader)}{step}")
    assert vars(fresh(reader)) | {"_state": None} == before
    assert history_of(reader) == []


def test_pages_set_no_cookie_leak_no_address_and_stay_out_of_caches_and_search_engines(client, reader):
    strict = Client(enforce_csrf_checks=True)
    for answer in [
        client.get(path_of(reader)),
        client.get(f"{path_of(reader)}data/"),
        client.get(f"{path_of(reader)}erase/"),
        client.get("/preferences/forged/"),
        strict.post(f"{path_of(reader)}pause/", {"weeks": 2}),
    ]:
        assert not answer.cookies
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert "no-store" in answer.headers["Cache-Control"]


def test_a_link_for_something_else_opens_nothing(client, reader, make_subscriber):
    mine = path_of(reader)
    value, _, mac = mine.strip("/").split("/")[1].rpartition(".")
    other = path_of(make_subscriber()).strip("/").split("/")[1]
    for token in [
        unsubscribe_token(reader.pk),
        f"{value}.{other.rpartition('.')[2]}",
        f"{other.rpartition('.')[0]}.{mac}",
        value,
        "x" * 500,
        "ü.é",
        "A-1.",
        "____________-99999.x",
    ]:
        assert client.get(f"/preferences/{token}/").status_code == 404, token
        assert client.post(f"/preferences/{token}/erase/").status_code == 404
    assert fresh(reader).state == "active"


def test_a_link_ends_after_ninety_days_and_offers_another(client, reader):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        path = path_in_issues(reader)
        clock.shift(datetime.timedelta(days=90))
        assert client.get(path).status_code == 200
        clock.shift(datetime.timedelta(days=1))
        answer = client.get(path)
        assert answer.status_code == 410
        assert "Send me my link" in answer.content.decode()
        assert client.post(f"{path}erase/").status_code == 410


def test_a_link_that_was_asked_for_ends_after_the_next_day(client, reader):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        path = path_of(reader)
        clock.shift(datetime.timedelta(days=1))
        assert client.get(f"{path}data/").status_code == 200
        clock.shift(datetime.timedelta(days=1))
        assert client.get(f"{path}data/").status_code == 410


def test_who_got_an_issue_passed_on_takes_neither_address_nor_data_and_erases_nobody(client, reader, mailoutbox):
    path = path_in_issues(reader)
    page = client.get(path).content.decode()
    for step in ("address", "data", "erase"):
        assert f"/{step}/" not in page
    answers = [
        client.post(f"{path}address/", {"email": "thief@example.org"}, follow=True),
        client.get(f"{path}data/", follow=True),
        client.get(f"{path}erase/", follow=True),
        client.post(f"{path}erase/", follow=True),
    ]
    for answer in answers:
        assert answer.redirect_chain == [(f"{path}?saved=ask", 302)]
        assert "you need a fresh link" in answer.content.decode()
    assert (fresh(reader).email, fresh(reader).state) == ("ada@example.org", "active")
    assert not AddressChange.objects.exists()
    assert not mailoutbox


def test_the_page_from_an_issue_sends_the_link_that_opens_the_rest_once_a_day(client, press, reader, mailoutbox):
    for _ in range(2):
        answer = press(reader, "link", path=path_in_issues)
        assert "on its way to your mailbox" in answer.content.decode()
    [message] = mailoutbox
    assert message.to == ["ada@example.org"]
    link = next(word for word in message.body.split() if "/preferences/" in word)
    assert "Erase me" in client.get("/" + link.split("/", 3)[3]).content.decode()


def test_nobody_is_bombed_with_links(client, reader):
    statuses = [client.post(f"{path_in_issues(reader)}link/").status_code for _ in range(6)]
    assert statuses == [302] * 5 + [429]


def test_words_after_an_action_are_ours_only(client, reader):
    assert "alert(1)" not in client.get(path_of(reader), {"saved": "<script>alert(1)</script>"}).content.decode()


def test_the_page_costs_the_same_with_2_topics_and_with_60(
    client, reader, topics, make_topic, make_story, django_assert_max_num_queries
):
    story = Story.objects.get()
    with django_assert_max_num_queries(8):
        client.get(path_of(reader))
    story.topics.add(*(make_topic(f"topic {number}") for number in range(60)))
    with django_assert_max_num_queries(8):
        page = client.get(path_of(reader)).content.decode()
    assert page.count('type="checkbox"') == 63


# Another address.


def confirm(client, message, django_capture_on_commit_callbacks):
    path = next(word for word in message.body.split() if "/confirm-address/" in word).split("/", 3)[3]
    assert "One click more" in client.get(f"/{path}").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        return client.post(f"/{path}"), f"/{path}"


def test_a_new_address_counts_when_it_has_confirmed_and_the_old_one_is_told(
    client, press, reader, mailoutbox, django_capture_on_commit_callbacks
):
    unsubscribing, old_path = f"/unsubscribe/{unsubscribe_token(reader.pk)}/", path_of(reader)
    assert "mail is on its way" in press(reader, "address", email="New@Example.org").content.decode()
    [question] = mailoutbox
    assert question.to == ["New@example.org"]
    assert "ada@" not in question.body
    assert fresh(reader).email == "ada@example.org"
    answer, path = confirm(client, question, django_capture_on_commit_callbacks)
    assert "The address is changed" in answer.content.decode()
    assert fresh(reader).email == "New@example.org"
    assert mailoutbox[1].to == ["ada@example.org"]
    assert "N•••@example.org" in mailoutbox[1].body
    assert history_of(reader) == [
        ("changed address", "link in the mail to the new address", "Yes, send it here"),
    ]
    assert client.post(path).status_code == 404, "used"
    assert client.get(old_path).status_code == 404, "bound to the old address"
    assert client.get(path_of(fresh(reader))).status_code == 200
    assert client.post(unsubscribing).status_code == 200
    assert fresh(reader).state == "unsubscribed", "links to unsubscribe work for ever"
    assert not AddressChange.objects.exists()


def test_the_old_address_is_told_even_if_the_next_change_is_asked_for_before_that_mail_leaves(
    client, press, reader, mailoutbox, django_capture_on_commit_callbacks
):
    """Who stole a link must not keep its owner from learning of it."""
    press(reader, "address", email="thief@example.org")
    path = next(word for word in mailoutbox[0].body.split() if "/confirm-address/" in word).split("/", 3)[3]
    assert client.post(f"/{path}").status_code == 200
    assert len(mailoutbox) == 1, "no worker has told the old address yet"
    press(fresh(reader), "address", email="other@example.org")
    with (
        time_machine.travel(timezone.now() + datetime.timedelta(minutes=11)),
        django_capture_on_commit_callbacks(execute=True),
    ):
        tasks.answer_forgotten_sign_ups()
    assert [mail.to for mail in mailoutbox] == [["thief@example.org"], ["other@example.org"], ["ada@example.org"]]
    assert not AddressChange.objects.exclude(former="").exists()


def test_the_page_answers_alike_whoever_has_the_new_address(
    client, press, reader, make_subscriber, mailoutbox, django_capture_on_commit_callbacks
):
    answers = []
    for state in [None, *SubscriberState.values[:-1]]:
        email = f"{state or 'new'}@example.com"
        if state:
            make_subscriber(email, state=state)
        answers.append(press(reader, "address", email=email))
    assert {answer.status_code for answer in answers} == {200}
    pages = {answer.content.decode().replace(f"{masked}•••", "•••") for answer in answers for masked in "npaubc"}
    assert all("mail is on its way" in page for page in pages)
    told = {message.to[0].partition("@")[0]: "/confirm-address/" in message.body for message in mailoutbox}
    assert told == {
        "new": True,
        "pending": True,
        "active": False,
        "unsubscribed": False,
        "bounced": False,
        "complained": False,
    }


def test_an_address_that_was_taken_meanwhile_stays_with_its_subscriber(
    client, press, reader, make_subscriber, mailoutbox, django_capture_on_commit_callbacks
):
    press(reader, "address", email="new@example.org")
    make_subscriber("new@example.org")
    answer, _ = confirm(client, mailoutbox[0], django_capture_on_commit_callbacks)
    assert answer.status_code == 409
    assert "in our list by itself" in answer.content.decode()
    assert fresh(reader).email == "ada@example.org"
    assert history_of(reader) == []


def test_a_sign_up_that_was_never_confirmed_makes_room(
    client, press, reader, make_subscriber, mailoutbox, django_capture_on_commit_callbacks
):
    make_subscriber("new@example.org", state=SubscriberState.PENDING)
    press(reader, "address", email="new@example.org")
    confirm(client, mailoutbox[0], django_capture_on_commit_callbacks)
    assert Subscriber.objects.get().email == "new@example.org"


def test_nobody_is_bombed_with_questions(press, reader, mailoutbox, settings):
    settings.SIGN_UP_LIMITS = dict.fromkeys(settings.SIGN_UP_LIMITS, (1000, 3600)) | {"address": (3, 3600)}
    statuses = [press(reader, "address", email="victim@example.com").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert len(mailoutbox) == 1


class TwoWorkers(EmailBackend):
    """While it hands a mail over, another worker takes up the same tasks."""

    def send_messages(self, messages):
        for change in AddressChange.objects.all():
            tasks.answer_address_change(change.pk)
        return super().send_messages(messages)


def test_two_workers_with_the_same_question_ask_it_once(reader, mailoutbox, settings):
    preferences.ask_to_move(reader, "ada@new.example.org")
    settings.EMAIL_BACKEND = f"{__name__}.TwoWorkers"
    tasks.answer_address_change(AddressChange.objects.get().pk)
    assert [message.to for message in mailoutbox] == [["ada@new.example.org"]]


def test_a_question_ends_after_three_days_and_is_forgotten(
    client, press, reader, mailoutbox, django_capture_on_commit_callbacks
):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        press(reader, "address", email="new@example.org")
        path = next(word for word in mailoutbox[0].body.split() if "/confirm-address/" in word).split("/", 3)[3]
        clock.shift(datetime.timedelta(days=3, seconds=1))
        assert client.post(f"/{path}").status_code == 410
    assert fresh(reader).email == "ada@example.org"


@pytest.mark.parametrize("email", ["", "ada", "a b@example.org", "å@example.org"])
def test_a_bad_new_address_comes_back_with_a_sentence(press, reader, email):
    answer = press(reader, "address", email=email)
    assert answer.status_code == 400
    assert 'id="address-error"' in answer.content.decode()
