"""An end to asking other machines that holds whatever hangs, the looking up of a name included."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class Loop(asyncio.SelectorEventLoop):
    """Looks names up in threads that nobody waits for: the system's call can't be broken off, and may take a minute."""

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        found: Future[Any] = Future()
        found.set_running_or_notify_cancel()  # From now on no cancelling is in the way of a late answer.

        def look_up() -> None:
            try:
                found.set_result(socket.getaddrinfo(*args, **kwargs))
            except (OSError, UnicodeError) as error:
                found.set_exception(error)

        threading.Thread(target=look_up, daemon=True).start()
        return await asyncio.wrap_future(found)


def within(seconds: float, asking: Coroutine[Any, Any, Result]) -> Result:
    """Run it in an event loop of its own. Raises TimeoutError, or what it raises."""

    async def bounded() -> Result:
        async with asyncio.timeout(seconds):
            return await asking

    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(bounded())
