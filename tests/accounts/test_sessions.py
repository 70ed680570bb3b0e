from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.tasks import forget_ended_sessions


def test_sessions_that_have_ended_are_forgotten(db):
    now = timezone.now()
    Session.objects.create(session_key="over", session_data="", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="alive", session_data="", expire_date=now + timedelta(days=1))
    forget_ended_sessions()
    assert [session.session_key for session in Session.objects.all()] == ["alive"]
