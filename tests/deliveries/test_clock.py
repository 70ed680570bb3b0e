from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from deliveries.clock import in_both_zones, moment
from deliveries.errors import MailingError

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        (datetime(2027, 1, 15, 9, 0), datetime(2027, 1, 15, 8, 0, tzinfo=UTC)),
        (datetime(2027, 7, 15, 9, 0), datetime(2027, 7, 15, 7, 0, tzinfo=UTC)),
        (datetime(2027, 3, 28, 3, 0), datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        (datetime(2027, 10, 31, 3, 0), datetime(2027, 10, 31, 2, 0, tzinfo=UTC)),
    ],
)
def test_a_time_on_the_wall_is_a_moment(wall, utc):
    assert moment(wall, AMSTERDAM) == utc


@pytest.mark.parametrize(
    ("wall", "sentence"),
    [
        (datetime(2027, 3, 28, 2, 30), "In Europe/Amsterdam, 02:30 on 28 March 2027 never comes"),
        (datetime(2027, 10, 31, 2, 30), "In Europe/Amsterdam, 02:30 on 31 October 2027 comes twice"),
    ],
)
def test_a_time_that_clocks_skip_or_show_twice_is_refused_with_a_sentence(wall, sentence):
    with pytest.raises(MailingError, match=sentence):
        moment(wall, AMSTERDAM)


def test_a_moment_is_told_in_both_zones():
    at = datetime(2027, 3, 28, 22, 30, tzinfo=UTC)
    assert in_both_zones(at, AMSTERDAM) == "29 March 2027, 00:30 (Europe/Amsterdam), 22:30 UTC on 28 March"
    assert in_both_zones(at, ZoneInfo("UTC")) == "28 March 2027, 22:30 UTC"
