"""Handing lookups to the workers."""

from django.contrib.auth.models import User
from django.db import transaction

from papers import tasks
from papers.looking_up import open_lookup
from papers.models import Lookup, Paper


def request_lookup(paper: Paper, by: User | None = None) -> Lookup:
    """Have a paper looked up by the next worker; if that waits already, return what waits. Raises NothingToLookUp.

    A broker that is out of reach stops nothing: the lookup is found by `look_up_forgotten`.
    """
    lookup = open_lookup(paper, by)
    transaction.on_commit(lambda: tasks.look_up.delay(lookup.pk), robust=True)
    return lookup
