"""The date that the issue carries: each check, silent and speaking."""

import datetime

import pytest
import time_machine
from django.utils import timezone

from issues.preflight import dates

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _early_in_january():
    with time_machine.travel(datetime.datetime(2027, 1, 6, 12, tzinfo=datetime.UTC)):
        yield


def dated(make_issue, day, number=50):
    return make_issue(number=number, date=datetime.date.fromisoformat(day))


@pytest.mark.parametrize(("day", "told"), [("2027-01-07", False), ("2026-12-30", False), ("2026-01-07", True)])
def test_last_years_date_is_noticed(found, make_issue, day, told):
    assert bool(found(dates.year_is_this_one, dated(make_issue, day))) == told


@pytest.mark.parametrize(("day", "told"), [("2027-01-02", False), ("2027-01-01", True), ("2026-12-01", True)])
def test_the_date_follows_that_of_the_last_issue(found, make_issue, day, told):
    make_issue(number=49, date=datetime.date(2027, 1, 1), published_at=timezone.now())
    make_issue(number=51, date=datetime.date(2027, 2, 1), published_at=timezone.now())
    assert bool(found(dates.date_follows_the_last_issue, dated(make_issue, day))) == told


@pytest.mark.parametrize(
    ("day", "told"), [("2027-01-06", False), ("2027-03-07", False), ("2027-07-01", True), ("2026-10-01", True)]
)
def test_the_date_is_near(found, make_issue, day, told):
    assert bool(found(dates.date_is_near, dated(make_issue, day))) == told


def test_another_day_of_the_week_than_ever_is_noticed(found, make_issue):
    for week in range(4):
        sunday = datetime.date(2026, 12, 13) + datetime.timedelta(weeks=week)
        make_issue(number=40 + week, date=sunday, published_at=timezone.now())
    assert found(dates.weekday_is_the_usual_one, dated(make_issue, "2027-01-10")) == []
    assert found(dates.weekday_is_the_usual_one, dated(make_issue, "2027-01-11", number=51)) == [
        "W: The issue’s date is a Monday; the last 4 came on a Sunday."
    ]


def test_today_is_that_of_the_publications_time_zone(found, make_issue, publication):
    publication.time_zone = "Pacific/Kiritimati"
    publication.save()
    with time_machine.travel(datetime.datetime(2027, 12, 31, 12, tzinfo=datetime.UTC)):
        assert found(dates.year_is_this_one, dated(make_issue, "2027-12-01"))
