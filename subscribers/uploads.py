"""Files of subscribers brought to the admin: kept out of reach, checked, imported or discarded, and deleted.

They lie in VAR_DIR/imports, which web and worker share, under names that nobody can guess, for the eyes of their owner only.
"""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from subscribers.errors import BadFile, ListChanged
from subscribers.importing import import_file
from subscribers.models import ImportRun, ImportState

LARGEST_UPLOAD = 200_000_000  # bytes
AT_ONCE = 1_000_000  # bytes: some ten thousand rows, read within a second; what is larger is for a worker
WAITS = timedelta(days=1)  # for the editor's word
KEPT = timedelta(days=7)  # the rows that were refused
STALLED = timedelta(minutes=10)
HEARTBEAT = 1.0  # seconds

WORKING = [ImportState.CHECKING, ImportState.IMPORTING]


def receive(upload: "UploadedFile[bytes]", *, consent: str, by: int) -> ImportRun:
    """Keep the file, to be checked next; `by` is the number of the user who brought it."""
    run = ImportRun.objects.create(
        file_name=Path(upload.name or "").name[:255], consent=consent, started_by_id=by, bytes_total=upload.size or 0
    )
    path = file_of(run)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return run


def confirm(run: ImportRun) -> bool:
    """Say that a checked file is to be imported; return whether it is this call that said so."""
    checked = ImportRun.objects.filter(pk=run.pk, state=ImportState.CHECKED)
    return bool(checked.update(state=ImportState.IMPORTING, bytes_read=0, problem="", updated_at=timezone.now()))


def work(run_id: int) -> None:
    """Check or import, as the run's state says. Safe to call twice: whoever is in the list is left as they are."""
    run = ImportRun.objects.filter(pk=run_id, state__in=WORKING).first()
    if run is None:
        return
    dry_run = run.state == ImportState.CHECKING
    try:
        report = import_file(
            file_of(run),
            consent=run.consent,
            name=run.file_name,
            refused_path=refused_of(run),
            dry_run=dry_run,
            progress=_heartbeat(run),
        )
    except BadFile as error:
        _finish(run, ImportState.FAILED, problem=_without_path(run, error))
    except ListChanged as error:
        _finish(run, ImportState.CHECKED, problem=str(error))
    else:
        run.report = report.as_dict()
        _finish(run, ImportState.CHECKED if dry_run else ImportState.DONE)


def discard(run: ImportRun) -> bool:
    """Delete the files of a run that was not imported; return whether there was anything to discard."""
    known = ImportRun.objects.filter(pk=run.pk, state__in=[ImportState.CHECKED, ImportState.CHECKING])
    discarded = known.update(state=ImportState.DISCARDED, updated_at=timezone.now())
    if discarded:
        file_of(run).unlink(missing_ok=True)
        refused_of(run).unlink(missing_ok=True)
    return bool(discarded)


def delete_old() -> int:
    """Discard what nobody confirmed within a day; delete refused rows after a week. Return how many were discarded."""
    now = timezone.now()
    waiting = ImportRun.objects.filter(
        state__in=[ImportState.CHECKED, ImportState.CHECKING], updated_at__lt=now - WAITS
    )
    discarded = sum(discard(run) for run in waiting)
    for run in ImportRun.objects.filter(updated_at__lt=now - KEPT):
        refused_of(run).unlink(missing_ok=True)
    return discarded


def is_stalled(run: ImportRun) -> bool:
    """Whether the worker that had it must have died, so that it may be started again."""
    return run.state in WORKING and run.updated_at < timezone.now() - STALLED


def file_of(run: ImportRun) -> Path:
    return Path(settings.VAR_DIR) / "imports" / f"{run.key}.csv"


def refused_of(run: ImportRun) -> Path:
    return file_of(run).with_suffix(".refused.csv")


def _finish(run: ImportRun, state: ImportState, *, problem: str = "") -> None:
    run.state, run.problem, run.bytes_read = state, problem, run.bytes_total
    run.save(update_fields=["state", "problem", "report", "bytes_read", "updated_at"])
    if state in (ImportState.DONE, ImportState.FAILED):
        file_of(run).unlink(missing_ok=True)


def _heartbeat(run: ImportRun) -> Callable[[int], None]:
    last = 0.0

    def beat(bytes_read: int) -> None:
        nonlocal last
        if time.monotonic() - last > HEARTBEAT:
            last = time.monotonic()
            ImportRun.objects.filter(pk=run.pk).update(bytes_read=bytes_read, updated_at=timezone.now())

    return beat


def _without_path(run: ImportRun, error: BadFile) -> str:
    return str(error).replace(str(file_of(run)), run.file_name)
