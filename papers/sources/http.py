"""Asking a service over HTTP: only where the settings say it is, with limits on time and size, and in our turn.

What goes wrong becomes a sentence for the editor. No query of ours stands in a sentence or in a log, as the key does.
"""

import email.utils
import random
import re
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
from django.conf import settings

from papers.deadline import within
from papers.errors import BadAnswer, PaperNotFound, SourceError, SourceUnavailable
from papers.models import Source
from papers.sources.turns import Turn, turn_at

MAX_BYTES = 5_000_000  # of a body, after decompression
MAX_REDIRECTS = 3
ATTEMPTS = 3
LONGEST_WAIT = 20.0  # seconds that we wait for a service that asks us to; after a longer time the editor may ask again
LONGEST_PAUSE = 3600.0  # seconds that a service can keep us all away
PATIENCE = 10.0  # seconds that a worker waits for its turn; then it had better do something else
Read = TypeVar("Read")


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_html(self) -> bool:
        return "html" in self.headers.get("content-type", "") or bool(
            re.match(rb"\s*<(!doctype )?html", self.body, re.I)
        )


def ask(
    source: Source,
    path: str,
    params: Mapping[str, str],
    read: Callable[[Answer], Read],
    *,
    patience: float = PATIENCE,
) -> Read:
    """Return what `read` makes of the service's answer to `path`, which begins with a slash and is percent-encoded.

    A failure that may pass is tried again, after longer and longer pauses; `read` may raise such ones, too. `patience`
    is in seconds, for each attempt. Raises PaperNotFound, BadAnswer, SourceUnavailable or NotOurTurn.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with turn_at(source, patience=patience) as turn:
                return read(checked(source, fetch(source, path, params), turn))
        except SourceUnavailable as error:
            wait = error.seconds or settings.METADATA_BACK_OFF * 2 ** (attempt - 1)
            if attempt == ATTEMPTS or wait > LONGEST_WAIT:
                raise
            time.sleep(wait * random.uniform(1.0, 1.3))  # noqa: S311
    raise AssertionError("unreachable")


def checked(source: Source, answer: Answer, turn: Turn) -> Answer:
    """The answer if it is one; how long all of us pause goes by its headers."""
    turn.pause = max(turn.pause, pause_asked(answer.headers))
    if answer.status == 200:
        return answer
    if answer.status in {404, 410}:
        raise PaperNotFound(f"{source.label} doesn't know it.")
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        seconds = retry_after(answer.headers)
        turn.pause = max(turn.pause, min(seconds, LONGEST_PAUSE))
        when = f"asks to wait {seconds:,.0f} seconds" if seconds else "asks for fewer requests"
        raise SourceUnavailable(f"{source.label} {when}.", seconds=seconds)
    if answer.status >= 500:
        raise SourceUnavailable(f"{source.label} is out of order (it answered {answer.status}).")
    raise BadAnswer(f"{source.label} refused the question (it answered {answer.status}).")


def pause_asked(headers: Mapping[str, str]) -> float:
    """Seconds between requests by Crossref's x-rate-limit-limit (a number) and x-rate-limit-interval (such as 1s)."""
    limit, interval = headers.get("x-rate-limit-limit", ""), headers.get("x-rate-limit-interval", "")
    seconds = re.fullmatch(r"(\d+(?:\.\d+)?)s?", interval.strip())
    if not seconds or not limit.strip().isdecimal() or int(limit) == 0:
        return 0.0
    return min(float(seconds[1]) / int(limit), LONGEST_PAUSE)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds, from a number or a date; 0 if it isn't said."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def fetch(source: Source, path: str, params: Mapping[str, str]) -> Answer:
    """One GET. Raises SourceUnavailable or BadAnswer."""
    limits = settings.METADATA_TIMEOUTS
    base = {Source.ARXIV: settings.ARXIV_URL, Source.CROSSREF: settings.CROSSREF_URL}.get(source, settings.OPENALEX_URL)
    url = httpx2.URL(base + path).copy_merge_params(dict(params))
    try:
        return within(limits["whole"], follow(source, url))
    except TimeoutError as error:
        raise SourceUnavailable(f"{source.label} took longer than {limits['whole']:g} seconds.") from error
    except httpx2.TimeoutException as error:
        raise SourceUnavailable(f"{source.label} didn't answer in time.") from error
    except httpx2.RemoteProtocolError as error:
        raise SourceUnavailable(f"{source.label} broke its answer off.") from error
    except (httpx2.TransportError, OSError) as error:
        raise SourceUnavailable(f"{source.label} can't be reached.") from error
    except (httpx2.InvalidURL, zlib.error) as error:
        raise BadAnswer(f"{source.label} answered with something that can't be read.") from error


@cache
def certificates() -> ssl.SSLContext:
    """The system's, read once: that takes a tenth of a second."""
    return httpx2.create_ssl_context(trust_env=False)


async def follow(source: Source, url: httpx2.URL) -> Answer:
    limits = settings.METADATA_TIMEOUTS
    timeout = httpx2.Timeout(limits["read"], connect=limits["connect"])
    headers = {"User-Agent": user_agent(), "Accept-Encoding": "gzip", "Accept": "*/*"}
    async with httpx2.AsyncClient(timeout=timeout, headers=headers, verify=certificates(), trust_env=False) as client:
        for _ in range(MAX_REDIRECTS + 1):
            async with client.stream("GET", url) as response:
                if not response.has_redirect_location:
                    return Answer(response.status_code, response.headers, await body_of(source, response))
                url = redirected(source, url, response.headers["location"])
    raise BadAnswer(f"{source.label} sends from one address to the next and comes to no end.")


def redirected(source: Source, url: httpx2.URL, location: str) -> httpx2.URL:
    """Where a redirect leads, on the same service: another host could be one inside our own network."""
    target = urljoin(str(url), location)
    if urlsplit(target)[:2] != urlsplit(str(url))[:2]:
        raise BadAnswer(f"{source.label} sends to another host, which isn't followed.")
    return httpx2.URL(target)


async def body_of(source: Source, response: httpx2.Response) -> bytes:
    """The body, unpacked as it comes, so that a small one which unpacks to a huge one is stopped at the limit."""
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip", "x-gzip", ""}:
        raise BadAnswer(f"{source.label} answered in an encoding that wasn't asked for.")
    unpacker = zlib.decompressobj(wbits=31) if "gzip" in encoding else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += unpacker.decompress(chunk, MAX_BYTES + 1 - len(body)) if unpacker else chunk
        if len(body) > MAX_BYTES:
            raise BadAnswer(f"{source.label} answered with more than {MAX_BYTES // 1_000_000} MB.")
    if unpacker and not unpacker.eof:
        raise SourceUnavailable(f"{source.label} broke its answer off.")
    return bytes(body)


def user_agent() -> str:
    contact = f"; mailto:{settings.CONTACT_EMAIL}" if settings.CONTACT_EMAIL else ""
    return f"DynamicallyTyped/0.1 ({settings.SITE_URL}{contact})"


def web_page_instead(source: Source, answer: Answer) -> SourceError:
    """What to raise for a body that can't be read."""
    what = "a web page instead of a record" if answer.is_html else "something that can't be read"
    return BadAnswer(f"{source.label} answered with {what}.")
