"""Examine what this machine can do for the course, by trying it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.errors import IsolationError
from autograder.findings import Finding
from autograder.sandbox.host import cgroups
from autograder.sandbox.host.box import Box
from autograder.sandbox.host.bubblewrap import find_bubblewrap
from autograder.sandbox.host.exposed import Private, always_private, exposed
from autograder.sandbox.host.session import Session
from autograder.sandbox.host.shown import Link, Shown, shown
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits


def examine(data: Path | None = None, private: Sequence[Private] = ()) -> list[Finding]:
    """Try everything grading needs; return what was found.

    `data` is a course's data folder, and `private` what student code must not see of the course;
    without a course, that is this user's home and temporary files.
    """
    findings = [_linux(), _python(), _bubblewrap()]
    if findings[-1].good:
        findings += [_box(nested=True), _box(nested=False), _cgroup()]
    findings += what_is_shown(data, private or always_private(data))
    findings += [_alembic(), _browser()]
    return findings


def what_is_shown(data: Path | None, private: Sequence[Private]) -> list[Finding]:
    """Say what of this machine student code sees, and whether anything private lies in it."""
    what = "what student code sees, and nothing else"
    try:
        things = shown(data)
        wrong = exposed(things, private)
    except IsolationError as error:
        return [Finding(what, False, "refused", str(error))]
    return [
        Finding(what, True, _in_short(things)),
        *(
            Finding(
                f"{one.what} is out of its sight",
                one not in wrong,
                str(one.path),
                wrong.get(one, ""),
            )
            for one in private
        ),
    ]


def _in_short(things: Sequence[Shown | Link]) -> str:
    """Name what is shown in its place on this machine; the engine's own files by one word."""
    named = [one for one in things if isinstance(one, Shown)]
    theirs = [str(one.source) for one in named if not one.target.startswith("/engine/")]
    return ", ".join([*theirs, "the engine's files that run in the box"])


def _linux() -> Finding:
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    good = platform.system() == "Linux" and platform.machine() in ("x86_64", "aarch64")
    return Finding("Linux on x86_64 or aarch64", good, system, "" if good else "grade on Linux")


def _python() -> Finding:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    return Finding("Python 3.11 or later", good, version, "" if good else "install Python 3.11")


def _bubblewrap() -> Finding:
    try:
        path = find_bubblewrap()
    except IsolationError:
        return Finding("bubblewrap", False, "missing", "apt-get install bubblewrap")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return Finding("bubblewrap", True, said.stdout.strip())


def _box(nested: bool) -> Finding:
    what = "namespaces for each submission" if nested else "a box of its own for each submission"
    mend = (
        "sysctl -w user.max_user_namespaces=10000 (and, on Ubuntu, "
        "kernel.apparmor_restrict_unprivileged_userns=0; in a container, the options that "
        "docs/container.md names); until then submissions get a box each"
    )
    box = Box(Isolation.BOX, None, nested)
    try:
        with box:
            submission = Session(box, [(0, "x = 1")], Limits(), [])
            submission.run_cells()
            ran = 0 in submission.runs and submission.runs[0].problem is None
            submission.close()
    except IsolationError as error:
        return Finding(what, False, str(error)[:200], mend, needed=not nested)
    return Finding(what, ran, "works" if ran else "refused", "" if ran else mend, needed=not nested)


def _cgroup() -> Finding:
    what, why = "cgroup v2 for each submission", cgroups.why_none()
    return Finding(what, not why, why or "works", why and cgroups.HOW_TO_GET_ONE, needed=False)


def _alembic() -> Finding:
    path = shutil.which("alembic") or shutil.which("alembic", path=str(Path(sys.executable).parent))
    return Finding(
        "alembic, which nbgrader calls",
        path is not None,
        path or "missing",
        "" if path else "pip install alembic",
    )


def _browser() -> Finding:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    mend = (
        "" if path else "apt-get install chromium chromium-driver (only the browser tests need it)"
    )
    return Finding(
        "Chromium", path is not None, path or f"missing (user {os.getuid()})", mend, False
    )
