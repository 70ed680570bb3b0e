"""A PostgreSQL and a Redis that a drill may kill: in a folder of its own, on ports of its own, never as root."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from benchmarks.site import Process, free_port, wait_for_port

STRANGER = "nobody"  # who runs them when we are root


class Service:
    """A server process that can be ended, gently or not, and started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.user = STRANGER if os.geteuid() == 0 else None
        if self.user:
            os.chown(folder, pwd.getpwnam(self.user).pw_uid, pwd.getpwnam(self.user).pw_gid)
        self.port = free_port()
        self.process: Process

    def command(self) -> tuple[str, ...]:
        raise NotImplementedError

    def start(self) -> None:
        self.process = Process(*self.command(), user=self.user, quiet=True)
        wait_for_port(self.port)

    def restart(self, with_signal: int) -> None:
        self.process.popen.send_signal(with_signal)
        self.process.popen.wait(60)
        self.start()

    def stop(self) -> None:
        self.process.kill()


class Redis(Service):
    def command(self) -> tuple[str, ...]:
        program = shutil.which("redis-server")
        if not program:
            raise SystemExit("redis-server is missing: install Debian's package redis-server.")
        options = {"port": self.port, "dir": self.folder, "save": "", "appendonly": "no", "bind": "127.0.0.1"}
        return (program, *(word for name, value in options.items() for word in (f"--{name}", str(value))))

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


class PostgreSQL(Service):
    CRASH, FAST = signal.SIGQUIT, signal.SIGINT

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        found = str(programs[-1]) if programs else shutil.which("initdb")
        if not found:
            raise SystemExit("initdb is missing: install Debian's package postgresql.")
        self.programs = Path(found).parent
        subprocess.run(  # noqa: S603, our own
            [found, "-D", folder / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-instructions"],
            check=True,
            cwd=folder,
            user=self.user,
            stdout=subprocess.DEVNULL,
        )

    def command(self) -> tuple[str, ...]:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder}
        program = str(self.programs / "postgres")
        data = str(self.folder / "data")
        return (program, "-D", data, *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")))

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"
