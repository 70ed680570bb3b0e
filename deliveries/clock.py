"""Times as editors read and type them: on the clocks of the publication, with UTC beside them."""

import datetime
from zoneinfo import ZoneInfo

from deliveries.errors import MailingError
from issues.models import Publication


def publication_zone() -> ZoneInfo:
    """One query."""
    return ZoneInfo(Publication.objects.current().time_zone)


def moment(wall: datetime.datetime, zone: ZoneInfo) -> datetime.datetime:
    """The moment when the clocks of the zone show this time, in UTC.

    Raises MailingError if they never do, or do so twice, because they are put forward or back then.
    """
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() != second.utcoffset():
        shown = f"{wall:%H:%M on %-d %B %Y}"
        never = first.astimezone(datetime.UTC).astimezone(zone).replace(tzinfo=None) != wall
        what = "never comes: the clocks are put forward" if never else "comes twice: the clocks are put back"
        raise MailingError(f"In {zone.key}, {shown} {what} then. Choose a time an hour or more away from it.")
    return first.astimezone(datetime.UTC)


def in_both_zones(at: datetime.datetime, zone: ZoneInfo) -> str:
    """Such as “28 March 2027, 09:00 (Europe/Amsterdam), 07:00 UTC”, with the day of UTC where it is another."""
    there, utc = at.astimezone(zone), at.astimezone(datetime.UTC)
    here = f"{there:%-d %B %Y, %H:%M}"
    if there.utcoffset() == datetime.timedelta(0):
        return f"{here} UTC"
    return f"{here} ({zone.key}), {utc:%H:%M} UTC" + (f" on {utc:%-d %B}" if utc.date() != there.date() else "")
