"""A private PostgreSQL cluster on a socket of its own, as the Debian package installs it."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import create_engine, text

from tests.parts import program, wait_until


class Cluster:
    """Lies in a temporary folder and listens on a Unix socket alone; durable only where a test kills it."""

    def __init__(self, *, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path must be short
        self._durable = "on" if durable else "off"
        self._schemas = itertools.count(1)
        self._process: subprocess.Popen | None = None
        if os.getuid() == 0:  # PostgreSQL does not run as root
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("autovacuum = off\n")  # what it does then is at a time that no test chose

    def _command(self, name: str, *args: str) -> list[str]:
        path = program(name)
        assert path, f"{name} is not installed"
        return [*(("runuser", "-u", "postgres", "--") if os.getuid() == 0 else ()), path, *args]

    def _run(self, name: str, *args: str) -> None:
        done = subprocess.run(self._command(name, *args), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> "Cluster":
        """Start it (again) and wait until it answers."""
        options = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-c", "listen_addresses="]
        options += [
            part
            for name in ("fsync", "synchronous_commit", "full_page_writes")
            for part in ("-c", f"{name}={self._durable}")
        ]
        engine = create_engine(self.url())

        def answering() -> bool:
            # What a killed postmaster's children still hold makes another one leave at once.
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    self._process = subprocess.Popen(self._command("postgres", *options), stdout=log, stderr=log)
            return _answers(engine)

        wait_until(answering, 60, 0.1)
        engine.dispose()
        return self

    def url(self, schema: str = "public") -> str:
        """Give the URL of the database, with a schema as the place of all names."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder}&options=-csearch_path%3D{schema}"

    def new(self) -> str:
        """Make an empty schema and give its URL."""
        name = f"s{next(self._schemas)}"
        engine = create_engine(self.url())
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        engine.dispose()
        return self.url(name)

    @property
    def pid(self) -> int:
        """The postmaster's process."""
        return int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def kill(self) -> None:
        """End it at once, as a power cut would; its children follow."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it and remove what it kept."""
        self._signal(signal.SIGINT)
        shutil.rmtree(self.folder)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            os.kill(self.pid, number)
            self._process.wait(30)
            self._process = None


def _answers(engine) -> bool:
    try:
        with engine.connect():
            return True
    except Exception:  # noqa: BLE001 - whatever it says while it starts
        return False
