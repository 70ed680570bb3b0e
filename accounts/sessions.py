from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone


def end_sessions(user: User, *, but: str | None = None) -> int:
    """Log a user out everywhere, except in the session with the key `but`. Returns how many sessions ended.

    Reads all sessions that are alive: only staff have any, since public pages set no cookie.
    """
    alive = Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=but)
    keys = [each.session_key for each in alive.iterator() if each.get_decoded().get(SESSION_KEY) == str(user.pk)]
    return Session.objects.filter(session_key__in=keys).delete()[0]
