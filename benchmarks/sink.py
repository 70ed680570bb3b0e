"""A light SMTP server that takes mail and forgets it, counts recipients, and misbehaves as it is told.

    python -m benchmarks.sink --port 2525 --round-trip 50 --report report.json

On SIGTERM it writes what it saw to the report: how often each recipient got a mail, and how often it misbehaved. Lighter
than Postfix's smtp-sink, which reads octet by octet; and it can stand for a server that is far away.
"""

import argparse
import asyncio
import json
import random
import signal
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FAULTS = ("later", "never", "hang_up_before", "hang_up_after", "stall")


@dataclass
class Behaviour:
    round_trip: float = 0.0  # seconds that each reply is held back
    extensions: tuple[str, ...] = ("PIPELINING", "CHUNKING", "8BITMIME")
    faults: dict[str, float] = field(default_factory=dict)  # how probable each is, for a mail
    received: Counter[str] = field(default_factory=Counter)
    happened: Counter[str] = field(default_factory=Counter)
    raw: list[bytes] | None = None  # the messages as they came over the wire, if they are to be kept

    def fault(self, *names: str) -> str:
        """One of these, if the dice say so."""
        for name in names:
            if name in self.faults and random.random() < self.faults[name]:  # noqa: S311, no secret
                self.happened[name] += 1
                return name
        return ""


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.buffer = bytearray()
        self.recipient = ""
        self.reading = "command"
        self.size = 0  # of a chunk
        self.searched = 0  # octets of a message in which there is no final dot
        self.is_deaf = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101, for the types
        self.transport = transport
        self.reply("220 sink ESMTP")

    def reply(self, text: str) -> None:
        data = text.encode() + b"\r\n"
        if self.behaviour.round_trip:
            asyncio.get_running_loop().call_later(self.behaviour.round_trip, self.transport.write, data)
        else:
            self.transport.write(data)

    def hang_up(self) -> None:
        """After the replies that are on their way."""
        self.is_deaf = True
        asyncio.get_running_loop().call_later(self.behaviour.round_trip, self.transport.close)

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            return
        self.buffer += data
        while not self.is_deaf and getattr(self, f"read_{self.reading}")():
            pass

    def read_command(self) -> bool:
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return False
        line = self.buffer[:end].decode("ascii", "replace")
        del self.buffer[: end + 2]
        verb = line.split(":")[0].split(" ")[0].upper()
        getattr(self, f"do_{verb.lower()}", self.do_unknown)(line)
        return True

    def read_message(self) -> bool:
        end = self.buffer.find(b"\r\n.\r\n", max(self.searched - 4, 0))
        if end < 0:
            self.searched = len(self.buffer)
            return False
        self.take(end + 2, end + 5)
        return True

    def read_chunk(self) -> bool:
        if len(self.buffer) < self.size:
            return False
        self.take(self.size, self.size)
        return True

    def take(self, content_end: int, end: int) -> None:
        """A message is complete: now it is ours, unless we say no."""
        if self.behaviour.raw is not None:
            self.behaviour.raw.append(bytes(self.buffer[:content_end]))
        del self.buffer[:end]
        self.reading, self.searched = "command", 0
        recipient, self.recipient = self.recipient, ""
        fault = self.behaviour.fault("later", "never", "hang_up_after", "stall")
        if fault in ("later", "never"):
            self.reply("451 4.3.0 Later" if fault == "later" else "554 5.6.0 Not this mail")
            return
        self.behaviour.received[recipient] += 1
        if fault == "hang_up_after":
            self.hang_up()
        elif fault == "stall":
            self.is_deaf = True
        else:
            self.reply("250 2.0.0 Taken")

    def do_ehlo(self, line: str) -> None:
        lines = ["sink", *self.behaviour.extensions]
        self.reply("\r\n".join(f"250{'-' if each is not lines[-1] else ' '}{each}" for each in lines))

    def do_helo(self, line: str) -> None:
        self.reply("250 sink")

    def do_mail(self, line: str) -> None:
        self.reply("250 2.1.0 OK")

    def do_rcpt(self, line: str) -> None:
        fault = self.behaviour.fault("later", "never", "hang_up_before")
        if fault == "hang_up_before":
            self.hang_up()
        elif fault:
            self.reply("450 4.2.0 Greylisted" if fault == "later" else "550 5.1.1 No such user")
        else:
            self.recipient = line[line.index("<") + 1 : line.index(">")]
            self.reply("250 2.1.5 OK")

    def do_data(self, line: str) -> None:
        if not self.recipient:
            self.reply("503 5.5.1 No recipient")
            return
        self.reading = "message"
        self.reply("354 Go on")

    def do_bdat(self, line: str) -> None:
        self.reading, self.size = "chunk", int(line.split(" ")[1])

    def do_rset(self, line: str) -> None:
        self.recipient = ""
        self.reply("250 2.0.0 OK")

    def do_quit(self, line: str) -> None:
        self.reply("221 2.0.0 Bye")
        self.hang_up()

    def do_unknown(self, line: str) -> None:
        self.reply("500 5.5.2 What?")


async def serve(behaviour: Behaviour, port: int, report: Path | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Session(behaviour), "127.0.0.1", port, backlog=256)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
    server.close()
    if report:
        report.write_text(json.dumps({"received": behaviour.received, "happened": behaviour.happened}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--round-trip", type=float, default=0.0, help="milliseconds")
    parser.add_argument("--extensions", default="PIPELINING,CHUNKING,8BITMIME")
    parser.add_argument("--report", type=Path)
    for name in FAULTS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=0.0, help="probability for a mail")
    options = parser.parse_args()
    extensions = tuple(filter(None, options.extensions.split(",")))
    faults = {name: getattr(options, name) for name in FAULTS}
    behaviour = Behaviour(options.round_trip / 1000, extensions, {name: p for name, p in faults.items() if p})
    asyncio.run(serve(behaviour, options.port, options.report))


if __name__ == "__main__":
    main()
