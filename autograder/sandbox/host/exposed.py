"""Find what student code must not see in what the box shows; by place, not by name alone."""

from __future__ import annotations

import os
import pwd
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from autograder.errors import IsolationError
from autograder.sandbox.host.shown import DATA_IN_BOX, Link, Shown, lies_in

_MOUNTS = Path("/proc/self/mountinfo")
_OPENED = Path("/proc/self/fdinfo")


class MayHold(Enum):
    """What of the shown may lie in something private."""

    NOTHING = "nothing"
    DEEP = "not its own folders, but what lies deeper, as a virtual environment's packages do"
    ANYTHING = "anything"


@dataclass(frozen=True)
class Private:
    """Something that student code must not see."""

    what: str
    """As a sentence begins with it: "the gradebook"."""
    path: Path
    may_hold: MayHold = MayHold.NOTHING


@dataclass(frozen=True)
class _Place:
    """A path, and where it is on its file system: a bind mount shows one place under two names."""

    path: Path
    device: str
    inner: Path

    def is_in(self, other: _Place) -> bool:
        same = self.device == other.device and lies_in(self.inner, other.inner)
        return same or lies_in(self.path, other.path)


@dataclass(frozen=True)
class _Mount:
    """A line of the kernel's table of mounts."""

    device: str
    root: Path
    point: Path

    @classmethod
    def read(cls, line: str) -> tuple[str, _Mount]:
        """Return a mount and its number."""
        number, _, device, root, point = line.split()[:5]
        return number, cls(device, Path(_plain(root)), Path(_plain(point)))


class _Mounts:
    """What is mounted now."""

    @cached_property
    def _by_number(self) -> dict[str, _Mount]:
        lines = os.fsdecode(_MOUNTS.read_bytes()).splitlines()
        return dict(map(_Mount.read, lines))

    def place(self, path: Path) -> _Place:
        """Return where a path is, whether or not anything is there yet."""
        path = Path(os.path.realpath(path))
        there = next(one for one in (path, *path.parents) if one.exists())
        mount = self._by_number.get(self._number(there))
        if mount is None or not path.is_relative_to(mount.point):
            # Below a changed root the table has not all: there are only names to go by.
            return _Place(path, "", path)
        return _Place(path, mount.device, mount.root / path.relative_to(mount.point))

    def places(self, folder: Path) -> list[_Place]:
        """Return where a folder is, and what is mounted in it: the sandbox shows that as well."""
        within = [
            _Place(one.point, one.device, one.root)
            for one in self._by_number.values()
            if one.point != folder and lies_in(one.point, folder)
        ]
        return [self.place(folder), *within]

    @staticmethod
    def _number(path: Path) -> str:
        descriptor = os.open(path, os.O_PATH)
        try:
            told = (_OPENED / str(descriptor)).read_text()
        finally:
            os.close(descriptor)
        found = re.search(r"^mnt_id:\s*(\d+)", told, re.MULTILINE)
        assert found is not None
        return found[1]


def _plain(text: str) -> str:
    r"""Return a name of the table of mounts without its escapes: \040 is a space."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def always_private(data: Path | None) -> list[Private]:
    """Return what no box may show: the course of this data folder, homes, temporary files."""
    homes = {os.path.expanduser("~"), _home_of_user()}
    found = [Private("the home folder", Path(home), MayHold.DEEP) for home in sorted(homes - {""})]
    temporary = Path(tempfile.gettempdir())
    found.append(Private("the folder for temporary files", temporary, MayHold.ANYTHING))
    if data is not None:
        found.insert(0, Private("the course", data.parent, MayHold.DEEP))
    return found


def _home_of_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def refuse_exposed(things: Iterable[Shown | Link], private: Iterable[Private]) -> None:
    """Refuse to start a sandbox that would show what is private."""
    for problem in exposed(things, private).values():
        raise IsolationError(problem)


def exposed(things: Iterable[Shown | Link], private: Iterable[Private]) -> dict[Private, str]:
    """Return what of the private the box would show, each with what is wrong and what to do."""
    mounts = _Mounts()
    found: dict[Private, str] = {}
    folders = [one for one in things if isinstance(one, Shown)]
    try:
        shown = [(one, place) for one in folders for place in mounts.places(one.source)]
        for secret in private:
            at = mounts.place(secret.path)
            for one, place in shown:
                problem = _problem(secret, at, one, place)
                if problem:
                    found.setdefault(secret, problem)
    except OSError as error:
        raise IsolationError(f"cannot tell what lies in what the sandbox shows: {error}") from None
    return found


def _problem(secret: Private, at: _Place, one: Shown, place: _Place) -> str:
    """Say what is wrong with something private at a place, where another place is shown."""
    if at.is_in(place):
        return (
            f"{secret.what} {at.path} lies in {place.path}, which the sandbox shows to student "
            "code: move it elsewhere"
        )
    if not place.is_in(at) or secret.may_hold is MayHold.ANYTHING:
        return ""
    if secret.may_hold is MayHold.NOTHING:
        return (
            f"{place.path}, which the sandbox shows to student code, lies in {secret.what} "
            f"{at.path}: move one of them elsewhere"
        )
    if one.target != DATA_IN_BOX and _is_own_folder(place, at):
        return (
            f"{place.path}, which the sandbox shows to student code, is a folder of {secret.what} "
            f"{at.path} itself, and may hold more: move {secret.what} elsewhere, or make the "
            "Python environment in a folder of its own (.venv)"
        )
    return ""


def _is_own_folder(place: _Place, at: _Place) -> bool:
    """Say whether a folder lies directly in another, so that it may well be that one's own."""
    is_root = at.path == Path("/")
    return not is_root and place.path.parent == at.path and place.path.is_dir()
