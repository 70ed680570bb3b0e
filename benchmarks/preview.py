"""`make bench-preview`: how long a writer waits for the live preview of a story of 10,000 words with 40 figures.

On SQLite, in an empty database: the form is sent as the browser sends it, and the answer is the whole document with its
findings. The text has what stories have: figures with captions, quotes, lists, tables, footnotes, formulas, references to
other stories, links. Best, median and worst of ROUNDS, as web page and as email. Argument: another number of rounds.
"""

import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import site

WORDS, FIGURES, ROUNDS = 10_000, 40, 15
GOAL = 1.0  # seconds of the processor, which is what a writer waits for where nothing else runs
SENTENCE = (
    "The *model* reads [a long text](https://example.org/text) and answers as [[another-story]] told, with a loss of "
    "$L = \\frac{1}{N} \\sum_i \\ell_i$ after `train()` has run. "
)
PLAIN = "What it has seen before it knows by heart, and what is new it has to guess from what the words around it say. "


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else ROUNDS
    with tempfile.TemporaryDirectory(prefix="bench-preview-") as name:
        site.set_up(Path(name), REQUIRE_SECOND_FACTOR="false")
        report = measure(rounds)
    site.say(f"{report['words']:,} words, {FIGURES} figures, {report['characters']:,} characters")
    for medium in ("web", "email"):
        best, median, worst = report[medium]
        cpu = report[f"{medium}_cpu"]
        sys.stdout.write(
            f"{medium:>6}: median {median:.3f} s, from {best:.3f} to {worst:.3f} s; of the processor {cpu:.3f} s\n"
        )
    site.say(json.dumps(report))
    if max(report["web_cpu"], report["email_cpu"]) >= GOAL:
        raise SystemExit(f"A preview takes {GOAL} s or more, even on a machine that does nothing else.")


def measure(rounds: int) -> dict[str, Any]:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    call_command("collectstatic", verbosity=0, interactive=False)
    client = Client(headers={"host": "digest.example.org"})
    client.force_login(User.objects.create_superuser("writer"))
    text = story_text(make_pictures())
    report: dict[str, Any] = {"characters": len(text)}
    for medium in ("web", "email"):
        typed, seconds, cpu = {"title": "Long", "body": text, "medium": medium}, [], []
        for _ in range(rounds):
            start, cpu_start = time.perf_counter(), time.process_time()
            answer = client.post("/admin/issues/story/live/", typed, secure=True)
            seconds.append(round(time.perf_counter() - start, 3))
            cpu.append(round(time.process_time() - cpu_start, 3))
        report["words"] = answer.json()["words"]
        report[medium] = [min(seconds), statistics.median(seconds), max(seconds)]
        report[f"{medium}_cpu"] = statistics.median(cpu)
    return report


def make_pictures() -> list[str]:
    from PIL import Image as PillowImage

    from issues.image_storing import store_image

    names = []
    for number in range(FIGURES):
        data = io.BytesIO()
        PillowImage.new("RGB", (64, 64), (number, 0, 0)).save(data, "PNG")
        names.append(store_image(f"figure-{number}.png", data.getvalue()).source)
    return names


def story_text(pictures: list[str]) -> str:
    from issues.text_blocks import count_words

    parts, share = [], WORDS // FIGURES
    for number, picture in enumerate(pictures):
        words = 0
        parts.append(f"## Part {number}\n")
        while words < share:
            paragraph = SENTENCE + PLAIN * 3 + f"As noted.[^{number}-{words}]"
            parts += [paragraph, f"[^{number}-{words}]: A *note*."]
            words += count_words([paragraph])
        parts.append(f'![What is to be seen in number {number}]({picture} "What to take from it")')
        parts.append(("- one\n- two", "> Said.\n>\n> — Ada", "| a | b |\n|---|---|\n| 1 | 2 |")[number % 3])
    return "\n\n".join(parts)


if __name__ == "__main__":
    main(sys.argv[1:])
