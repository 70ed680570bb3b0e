import re
from datetime import UTC, date, datetime
from xml.etree import ElementTree

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subscribers import charts, erasure, figures
from subscribers.models import ConsentEvent
from tests.admin_forms import permitted

pytestmark = pytest.mark.django_db
PAGE = "/admin/subscribers/subscriber/figures/"
NOW = datetime(2030, 3, 20, 12, tzinfo=UTC)


@pytest.fixture
def tell(make_subscriber):
    """Make a subscriber to whom these things happened, as (kind, day) pairs."""

    def make(state, *story, source="test"):
        subscriber = make_subscriber(state=state, history=[])
        for kind, day in story:
            event = ConsentEvent.objects.create(subscriber=subscriber, kind=kind, source=source)
            ConsentEvent.objects.filter(pk=event.pk).update(created_at=datetime.fromisoformat(f"{day} 12:00+00:00"))
        return subscriber

    return make


def test_growth_counts_who_joined_and_left_in_each_month(tell):
    tell("active", ("signed up", "2030-01-05"), ("confirmed", "2030-01-06"))
    tell("unsubscribed", ("imported", "2030-01-10"), ("unsubscribed", "2030-03-02"))
    tell("active", ("added", "2030-01-11"), ("bounced", "2030-02-01"), ("confirmed", "2030-02-27"))
    tell("pending", ("signed up", "2030-03-19"))
    counted = [
        (f"{each.start:%b}", each.signed_up, each.joined, each.left, each.active)
        for each in figures.growth("month", now=NOW)[-3:]
    ]
    assert counted == [("Jan", 1, 3, 0, 3), ("Feb", 0, 1, 1, 3), ("Mar", 1, 0, 1, 2)]


def test_who_was_not_active_does_not_leave(tell):
    tell("unsubscribed", ("unsubscribed", "2030-03-01"))  # imported as such
    tell("unsubscribed", ("added", "2030-03-02"), ("bounced", "2030-03-03"), ("unsubscribed", "2030-03-04"))
    tell("active", ("added", "2030-03-02"), ("confirmed", "2030-03-05"))
    period = figures.growth("month", now=NOW)[-1]
    assert (period.joined, period.left, period.active) == (2, 1, 1)


def test_growth_by_weeks_begins_on_mondays_and_ends_today():
    weeks = figures.growth("week", now=NOW)
    assert len(weeks) == 26
    assert weeks[-1].start == date(2030, 3, 18)
    assert all(each.start.weekday() == 0 for each in weeks)
    assert [each.start for each in figures.growth("month", now=NOW)][-14:-12] == [date(2029, 2, 1), date(2029, 3, 1)]


def test_origins_are_those_of_the_last_agreement_of_who_is_active(tell):
    tell("active", ("imported", "2030-01-01"), ("confirmed", "2030-02-01"))
    tell("active", ("imported", "2030-01-01"), source="import: Mailchimp, january.csv")
    tell("active", ("imported", "2030-02-01"), source="import: Mailchimp, february.csv")
    tell("active", ("added", "2030-01-01"))
    tell("unsubscribed", ("added", "2030-01-01"), ("unsubscribed", "2030-01-02"))
    assert [(each.label, each.number, each.percent) for each in figures.origins()] == [
        ("Import: Mailchimp", 2, 50),
        ("Added by an editor", 1, 25),
        ("Sign-up form", 1, 25),
    ]


def test_states_are_all_counted(make_subscriber):
    make_subscriber()
    erasure.erase(make_subscriber(), source="test")
    counted = {share.label: (share.number, share.percent) for share in figures.states()}
    assert counted["Active"] == (1, 50)
    assert counted["Erased"] == (1, 50)
    assert counted["Bounced"] == (0, 0)


@pytest.mark.parametrize("unit", ["week", "month"])
def test_the_page_draws_without_inline_styles_or_scripts_and_shows_the_numbers(client, admin_user, tell, unit):
    with time_machine.travel(NOW, tick=False):
        client.force_login(admin_user)
        tell("active", ("confirmed", "2030-03-19"))
        page = client.get(PAGE, {"by": unit}).content.decode()
    content = page[page.index('class="figures"') : page.index("is not recorded")]
    assert "style=" not in content
    assert "<script" not in content
    drawings = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", content, re.DOTALL)]
    named = [svg for svg in drawings if svg.get("role") == "img"]
    assert len(named) == 2
    for svg in named:
        names = svg.get("aria-labelledby").split()
        assert [svg.find("title").get("id"), svg.find("desc").get("id")] == names
        assert svg.find("desc").text.strip()
    assert '<th scope="col">Joined</th>' in content


def test_an_empty_list_has_figures_too(admin_client):
    assert admin_client.get(PAGE).status_code == 200


def test_the_number_of_queries_does_not_grow(admin_client, make_subscriber):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(PAGE)
        return len(captured)

    make_subscriber()
    queries()
    few = queries()
    for _ in range(30):
        make_subscriber()
    assert queries() == few
    with CaptureQueriesContext(connection) as captured:
        figures.states()
        figures.origins()
        figures.growth("month")
    assert len(captured) == 5


def test_only_who_may_see_subscribers_sees_their_figures(client):
    client.force_login(permitted())
    assert client.get(PAGE).status_code == 403


def test_another_period_is_not_found(admin_client):
    assert admin_client.get(PAGE, {"by": "minute"}).status_code == 404


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (7, 8), (9, 10), (11, 20), (2290, 3000), (1_000_001, 2_000_000)]
)
def test_scales_end_at_round_numbers(value, top):
    assert charts.round_up(value) == top


def test_columns_keep_within_the_drawing():
    drawn = charts.columns([0, 5, 10], [10, 0, 3])
    assert drawn.maximum == 10
    for column in drawn.columns:
        assert 0 <= column.x <= column.x + column.width <= charts.WIDTH
        assert column.up_y + column.up_height == drawn.zero
        assert drawn.zero + column.down_height <= charts.HEIGHT
