"""The broker in a folder, with messages that appear whole.

kombu's own writes a message under the name by which workers find it. A worker that looks in between reads half of it,
loses it, and ends with a JSONDecodeError.
"""

import time
import uuid
from pathlib import Path
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps


class Channel(filesystem.Channel):
    # kombu's own bases disagree about the second name.
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Write the message under a name that no worker looks for, then rename it. Raises ChannelError."""
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}"  # as kombu's, whose workers take them in this order
        folder = Path(self.data_folder_out)
        content: str = dumps(payload)  # type: ignore[no-untyped-call]
        try:
            (folder / f"{name}.writing").write_text(content, encoding="utf-8")
            (folder / f"{name}.writing").rename(folder / f"{name}.{queue}.msg")
        except OSError as error:
            raise ChannelError(f"Can't add a message to the folder {folder}: {error}") from error


class Transport(filesystem.Transport):
    Channel = Channel


def register() -> None:
    """Let `filesystem://` mean this broker."""
    TRANSPORT_ALIASES["filesystem"] = f"{Transport.__module__}:{Transport.__qualname__}"
