"""Several mail servers that share the mails of an issue by their weights, each within its limits.

Mails are dealt out: the next one goes to the server that is furthest behind its share, and the others wait for it if they
are faster, so that the weights hold (a new server may be warmed up by a small one). A server whose limit is reached, that
has stood still for a second, or that rests after a failure is left out; the others get its mails meanwhile.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from django.conf import settings

from deliveries import rate_limits
from deliveries.errors import InDoubt, Lost, Misconfigured, TransportError, Unavailable
from deliveries.mails import Feed, Log, Mail
from deliveries.rate_limits import Limits
from deliveries.smtp_client import Connection, Server

logger = logging.getLogger(__name__)

SECONDS_OF_REST = 60.0  # after a failure, if there is another server
MOST_BREAKDOWNS = 3  # connections in a row that broke in the middle of a mail
SECONDS_PER_ROUND = 5.0  # then the caller gets back what the limits did not let through
LONGEST_WAIT = 2.0  # seconds, for a server's limit
DEALT_AHEAD = 2  # mails that wait for each connection
SECONDS_OF_STANDSTILL = 1.0  # of a server, after which the others no longer wait for it
SECONDS_HELD = 0.005  # until a server that was too fast asks again
SECONDS_PER_STEP = 0.2  # after which the caller gets a chance to write down what happened

resting_until: dict[str, float] = {}  # by the servers' names, on time.monotonic(); each process finds out by itself


@dataclass(frozen=True)
class LimitedServer:
    server: Server
    weight: int = 1
    connections: int = 1  # of one transport
    limits: Limits = field(default_factory=Limits)

    @property
    def name(self) -> str:
        return f"{self.server.username}@{self.server.host}:{self.server.port}"


def configured_servers() -> list[LimitedServer]:
    """Those of EMAIL_URL, if it names several or has limits; else none."""
    return [
        LimitedServer(
            Server(
                host=each.host,
                port=each.port,
                username=each.user,
                password=each.password,
                requires_starttls=each.use_tls,
                use_tls=each.use_ssl,
                timeout=settings.EMAIL_TIMEOUT,
            ),
            weight=each.weight,
            connections=each.connections or settings.SENDING_CONNECTIONS,
            limits=Limits(each.per_second, each.per_hour),
        )
        for each in settings.SENDING_SERVERS
    ]


class ServersTransport:
    """Connections to several servers in one event loop, which runs only while `send` is asked for its next step."""

    def __init__(self, servers: Sequence[LimitedServer]) -> None:
        rested = [server for server in servers if resting_until.get(server.name, 0.0) < time.monotonic()]
        self._shares = [Share(server) for server in rested or servers]
        self._loop = asyncio.new_event_loop()

    def send(self, mails: Iterator[Mail], log: Log) -> Generator[None, None, None]:
        deal = Deal(mails, self._shares)
        ends_at = time.monotonic() + SECONDS_PER_ROUND
        try:
            while self._step(deal, log, ends_at):
                yield
        except BaseException:  # Also when the caller stops here: what is under way is still brought to its end.
            deal.is_stopped = True
            while self._step(deal, log, ends_at):
                pass
            raise
        finally:
            for share in self._shares:
                share.give_back()
        failures = [share.failure for share in self._shares if share.failure]
        if len(failures) == len(self._shares) and not deal.is_over():
            raise next((each for each in failures if isinstance(each, Misconfigured)), failures[0])

    def close(self) -> None:
        async def close_all() -> None:
            connections = [each for share in self._shares for each in share.connections]
            await asyncio.gather(*(connection.close() for connection in connections))

        self._loop.run_until_complete(close_all())
        self._loop.close()

    def _step(self, deal: "Deal", log: Log, ends_at: float) -> bool:
        """Let the talks go on for a moment. Returns whether there is more to do."""
        if time.monotonic() > ends_at:
            deal.is_stopped = True
        step_ends_at = time.monotonic() + SECONDS_PER_STEP
        while (left := step_ends_at - time.monotonic()) > 0:
            for share in self._shares:
                share.prepare(deal)
                self._start_talks(share, deal, log)
            waits = [share.wait() for share in self._shares if share.has_work(deal)]
            talks = [talk for share in self._shares for talk in share.talks.values()]
            pause = max(0.001, min([left, *waits]))
            if talks:
                self._loop.run_until_complete(asyncio.wait(talks, timeout=pause, return_when="FIRST_COMPLETED"))
            elif min(waits, default=inf) > LONGEST_WAIT:
                return False
            else:
                time.sleep(pause)
            for share in self._shares:
                share.look_after(self._loop.time())
        return True

    def _start_talks(self, share: "Share", deal: "Deal", log: Log) -> None:
        for place in range(len(share.connections)):
            if place not in share.talks and share.may_send(deal):
                talk = self._talk(share, place, Hand(deal, share), Listener(log, share))
                share.talks[place] = self._loop.create_task(talk)

    async def _talk(self, share: "Share", place: int, hand: "Hand", log: Log) -> None:
        """Send over one connection, which is opened anew when the server has hung up, until there is nothing for it."""
        connection = share.connections[place]
        try:
            while not hand.is_over():
                if connection.broken:
                    connection = share.connections[place] = Connection(connection.server)
                    await connection.open()
                await connection.send_from(hand, log)
        except Unavailable as error:
            connection.abort(str(error))
            share.fail(error)


@dataclass
class Share:
    """What one server gets of the mails that are being dealt out."""

    server: LimitedServer
    dealt: float = 0.0  # mails by weight
    mails: deque[Mail] = field(default_factory=deque)  # dealt and not taken
    tokens: float = 0  # how many more may be taken
    tokens_until: float = inf  # on time.time()
    next_grant_at: float = 0.0
    held_until: float = 0.0  # on time.monotonic()
    moved_at: float = field(default_factory=time.monotonic)  # when it began, took a mail, or was done with one
    failure: Unavailable | None = None
    breakdowns: int = 0  # in a row
    talks: dict[int, "asyncio.Task[None]"] = field(default_factory=dict)  # by the place of their connection

    def __post_init__(self) -> None:
        self.connections = [Connection(self.server.server) for _ in range(self.server.connections)]
        if not self.server.limits:
            self.tokens = inf

    @property
    def has_tokens(self) -> bool:
        return self.tokens > 0 and time.time() < self.tokens_until

    @property
    def is_full(self) -> bool:
        return len(self.mails) >= DEALT_AHEAD * len(self.connections)

    @property
    def is_waited_for(self) -> bool:
        return not self.failure and self.has_tokens and time.monotonic() - self.moved_at < SECONDS_OF_STANDSTILL

    def has_work(self, deal: "Deal") -> bool:
        """Whether there are mails for it, be it that its limit is reached."""
        return not self.failure and not deal.is_stopped and (bool(self.mails) or not deal.is_over())

    def may_send(self, deal: "Deal") -> bool:
        return self.has_tokens and time.monotonic() >= self.held_until and self.has_work(deal)

    def prepare(self, deal: "Deal") -> None:
        """Ask for a block of mails if it needs one; what it can't send now, the others may."""
        if not self.has_tokens and self.has_work(deal) and time.time() >= self.next_grant_at:
            grant = rate_limits.take(self.server.name, self.server.limits, unused=int(self.tokens))
            self.tokens, self.tokens_until, self.next_grant_at = grant.mails, grant.until, grant.next_at
        if self.failure or not self.has_tokens:
            deal.take_back(self)

    def give_back(self) -> None:
        if self.server.limits and self.tokens:
            rate_limits.give_back(self.server.name, int(self.tokens))
            self.tokens = 0

    def wait(self) -> float:
        """Seconds until it may get more, if it may not now."""
        if not self.has_tokens:
            return self.next_grant_at - time.time()
        held = self.held_until - time.monotonic()
        return held if held > 0 else inf

    def look_after(self, now: float) -> None:
        """Hold its connections to their deadlines, and forget the talks that have ended."""
        for connection in self.connections:
            connection.check_deadline(now)
        for place, talk in list(self.talks.items()):
            if talk.done():
                del self.talks[place]
                talk.result()  # Raises what was no TransportError.

    def fail(self, error: Unavailable) -> None:
        if self.failure:  # on another of its connections
            return
        self.failure = error
        resting_until[self.server.name] = time.monotonic() + SECONDS_OF_REST
        logger.warning("Mail server %s rests for %d s: %s", self.server.server.host, SECONDS_OF_REST, error)


class Deal(Feed):
    """The mails, dealt out to servers by their weights."""

    def __init__(self, mails: Iterator[Mail], shares: Sequence[Share]) -> None:
        super().__init__(mails)
        self._shares = shares

    def take_for(self, share: Share) -> Mail | None:
        """The next mail of a server, if it may have one now."""
        if self.is_stopped or share.failure or not share.has_tokens:
            return None
        while not share.mails:
            present = [each for each in self._shares if each is share or each.is_waited_for]
            chosen = min(present, key=lambda each: (each.dealt + 1) / each.server.weight)
            if chosen.is_full:
                share.held_until = time.monotonic() + SECONDS_HELD
                return None
            mail = self.take()
            if mail is None:
                return None
            chosen.dealt += 1
            chosen.mails.append(mail)
        share.tokens -= 1
        share.moved_at = time.monotonic()
        return share.mails.popleft()

    def take_back(self, share: Share) -> None:
        """Let the others have what a server was dealt and can't send now."""
        share.dealt -= len(share.mails)
        self.returned.extend(share.mails)
        share.mails.clear()


class Hand(Feed):
    """What the connections to one server see of the deal."""

    def __init__(self, deal: Deal, share: Share) -> None:
        self._deal, self._share = deal, share

    def take(self) -> Mail | None:
        return self._deal.take_for(self._share)

    def put_back(self, mail: Mail) -> None:
        self._deal.returned.append(mail)

    def is_over(self) -> bool:
        return not self._share.may_send(self._deal)


class Listener:
    """Hears what becomes of each mail, and lets a server rest whose connections break again and again."""

    def __init__(self, log: Log, share: Share) -> None:
        self._share, self._log = share, log
        self.begin = log.begin

    def end(self, mail: Mail, error: TransportError | None) -> None:
        self._log.end(mail, error)
        self._share.moved_at = time.monotonic()
        if not isinstance(error, Lost | InDoubt):
            self._share.breakdowns = 0
            return
        self._share.breakdowns += 1
        if self._share.breakdowns >= MOST_BREAKDOWNS:
            self._share.fail(Unavailable(str(error)))
