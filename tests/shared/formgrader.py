"""A real formgrader: a Jupyter server in a course's folder, for as long as a `with` lasts."""

import contextlib
import re
import subprocess
import time
import urllib.error
import urllib.request

from shared.commands import SCRIPTS, environment

TOKEN = "engine-tests"


def as_user(name, number, home):
    """Return what a command is started by to run as another user of that name and home.

    A user of a namespace that bubblewrap makes: no account is needed, files are really ours.
    """
    users = home.parent / f"{name}.passwd"
    users.write_text(f"{name}:x:{number}:{number}::{home}:/bin/sh\n")
    within = ["bwrap", "--dev-bind", "/", "/", "--unshare-user", "--uid", str(number)]
    within += ["--gid", str(number), "--ro-bind", str(users), "/etc/passwd"]
    return [*within, "--setenv", "HOME", str(home), "--die-with-parent"]


@contextlib.contextmanager
def serving(course, *, within=()):
    """Serve a folder, a course's formgrader say; give its address.

    `within` is a command that the server is started by, another user's namespace say.
    """
    log = course.parent / f"{course.name}-server.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [
                *within,
                str(SCRIPTS / "jupyter"),
                "server",
                "--allow-root",
                "--no-browser",
                # Any free one: another process may take one that was free a moment ago.
                "--ServerApp.port=0",
                f"--IdentityProvider.token={TOKEN}",
            ],
            cwd=course,
            env=environment(),
            stdout=file,
            stderr=file,
        )
    try:
        yield _address_in(log, server)
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _address_in(log, server):
    """Return the address that a server writes into its log when it listens there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        listens = re.search(r"(http://127\.0\.0\.1:[1-9]\d*)/", log.read_text())
        if listens:
            # It writes the line a moment before it listens.
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(f"{listens[1]}/api?token={TOKEN}", timeout=60).close()
                return listens[1]
        time.sleep(0.1)
    raise AssertionError(f"the server did not answer within 60 s: {log.read_text()}")
