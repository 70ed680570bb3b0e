"""`python -m dynamically_typed worker` and `beat`: those of Celery's commands that run all the time, with their options.

`celery worker` is the same, but loads all of its other commands, too, a shell among them: 9 MB in each process.
"""

import click
from celery.bin.base import CLIContext
from celery.bin.beat import beat
from celery.bin.worker import worker

from dynamically_typed.celery import app

commands = click.Group(commands={"worker": worker, "beat": beat})

if __name__ == "__main__":
    commands(prog_name="dynamically_typed", obj=CLIContext(app=app, no_color=False, workdir=None, quiet=True))
