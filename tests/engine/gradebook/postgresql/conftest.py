"""A PostgreSQL server of the tests' own, from Debian's package: a socket, no port."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy.engine import make_url

from autograder.course.files import find_course
from autograder.gradebook.ingest import register

# The password needs quoting in a URL, and in a configuration file of nbgrader's alembic.
USER, PASSWORD = "grader", "p@ss/w%rd"
SETTINGS = ("listen_addresses=", "fsync=off", "synchronous_commit=off", "full_page_writes=off")
START_S = 30


@dataclass
class Server:
    """A server that can be stopped and started again."""

    binaries: Path
    folder: Path
    as_user: dict
    process: subprocess.Popen | None = None
    registered: str = ""
    _databases: count = field(default_factory=count)

    def url(self, database, password=PASSWORD):
        """Return the address of a database, as `c.CourseDirectory.db_url` wants it."""
        return f"postgresql://{USER}:{quote(password, safe='')}@/{database}?host={self.folder}"

    def make_database(self, template="template1"):
        """Return the address of a new database, empty or a copy of another."""
        name = f"gradebook{next(self._databases)}"
        make = f"CREATE DATABASE {name} TEMPLATE {template}"
        self.run("psql", "--quiet", "-d", "postgres", "-c", make)
        return self.url(name)

    def start(self):
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            **self.as_user,
        )
        deadline = time.monotonic() + START_S
        while self.run("pg_isready", "--quiet", check=False).returncode:
            assert self.process.poll() is None, "the server stopped"
            assert time.monotonic() < deadline, f"the server did not answer within {START_S} s"
            time.sleep(0.05)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # Ends connections, then the server.
            self.process.wait(timeout=START_S)
            self.process = None

    def run(self, program, *arguments, check=True):
        """Run a program of the server's package; let it find the server."""
        where = {"PGHOST": str(self.folder), "PGUSER": USER, "PGPASSWORD": PASSWORD}
        return subprocess.run(
            [self.binaries / program, *arguments],
            env={**os.environ, **where},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=check,
            **self.as_user,
        )


def _another_user():
    """Return how to start a process that is not root's: PostgreSQL refuses to be."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")


@pytest.fixture
def copied(toy_class, tmp_path):
    """Return a function that copies the class, with its gradebook at an address."""

    def copy(address, name="course"):
        root = tmp_path / name
        shutil.copytree(toy_class.course.root, root)
        with (root / "nbgrader_config.py").open("a") as config:
            config.write(f"\nc.CourseDirectory.db_url = {address!r}\n")
        return find_course(root).assignment("toy")

    return copy


@pytest.fixture
def in_postgresql(server, copied):
    """The class, registered in a database of its own, nothing entered."""
    if not server.registered:
        address = server.make_database()
        register(copied(address, "registered"))
        server.registered = make_url(address).database
    return copied(server.make_database(template=server.registered))


@pytest.fixture(scope="session")
def server():
    """A running server; it ends with the tests."""
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed (the extra postgresql)")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed:
        pytest.skip("PostgreSQL is not installed (Debian's package postgresql)")
    # Not below pytest's own folder: the server's user cannot enter that one.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = Server(installed[-1].parent, folder, _another_user())
    try:
        folder.chmod(0o755)
        (folder / "password").write_text(PASSWORD)
        if server.as_user:
            os.chown(folder, server.as_user["user"], server.as_user["group"])
        choices = (f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={folder}/password")
        server.run("initdb", "--no-sync", "--encoding=UTF8", "--locale=C", *choices, "data")
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
