"""Who else on this machine can read what no student may see: by the permissions of every folder."""

from __future__ import annotations

import grp
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autograder.course.exchange import exchange_config, exchange_root
from autograder.course.files import Course
from autograder.course.private_places import EXCHANGE, private_places
from autograder.findings import Finding

# Not places of nbgrader's, and all the same not for students.
_ALSO_PRIVATE = (".git", "collected", "demo", ".autograder")


def examine_access(course: Course) -> list[Finding]:
    """Say whether other users of this machine can read solutions, tests, gradebook, submissions.

    It is needed where there is an exchange: then students work on this machine. Where nbgrader
    shares the course with its group (`groupshared`), that group is the instructors'.
    """
    needed = exchange_root(course).is_dir()
    look = _Look(bool(exchange_config(course).CourseDirectory.get("groupshared", False)))
    places = [place for place in _places(course) if place[1].exists()]
    inside = [path for _, path in places if path.is_relative_to(course.root)]
    outside = [(what, path) for what, path in places if not path.is_relative_to(course.root)]
    findings = [_in_the_course(course, inside, look, needed)]
    findings += [_elsewhere(what, path, look, needed) for what, path in outside]
    return [*findings, *_replaceable(course, look, needed)]


def _places(course: Course) -> Iterator[tuple[str, Path]]:
    for what, path in private_places(course):
        if what != EXCHANGE:
            yield what, path.resolve()
    for name in _ALSO_PRIVATE:
        yield f"the course's {name}", (course.root / name).resolve()


def _in_the_course(course: Course, places: list[Path], look: _Look, needed: bool) -> Finding:
    what = "other users cannot read the course"
    names = sorted({str(path.relative_to(course.root)) for path in places if look.is_open(path)})
    if not names:
        return Finding(what, True, str(course.root))
    mend = f"chmod {'o-rwx' if look.is_shared else '700'} {course.root}"
    return Finding(what, False, f"open: {', '.join(names)}", mend, needed)


def _elsewhere(what: str, path: Path, look: _Look, needed: bool) -> Finding:
    is_closed = not look.is_open(path)
    mend = "" if is_closed else f"chmod {look.who}-rwx {path}"
    return Finding(f"other users cannot read {what}", is_closed, str(path), mend, needed)


def _replaceable(course: Course, look: _Look, needed: bool) -> Iterator[Finding]:
    """Yield the folders in which others could put another course in the place of this one."""
    for folder in (course.root, *course.root.parents):
        if not folder.stat().st_mode & stat.S_ISVTX and look.others(folder) & 0o2:
            what, mend = "other users cannot replace the course", f"chmod {look.who}-w {folder}"
            yield Finding(what, False, f"they may write in {folder}", mend, needed)


@dataclass(frozen=True)
class _Look:
    """What others than the owner may do, by the permissions of a path and of all above it."""

    is_shared: bool = False
    """Whether the group of a path is the instructors', and so nobody else."""

    @property
    def who(self) -> str:
        """Return whose rights are to be taken, as chmod names them."""
        return "o" if self.is_shared else "go"

    def is_open(self, path: Path) -> bool:
        """Say whether others can read a file, or list a folder."""
        return bool(self.others(path) & 0o4) and all(self.others(one) & 0o1 for one in path.parents)

    def others(self, path: Path) -> int:
        """Return what others may do with a path alone: read 4, write 2, enter 1.

        A group of the owner alone, as most systems make one for each user, is nobody else.
        """
        found = path.stat()
        nobody_else = self.is_shared or _is_of_one(found.st_gid, found.st_uid)
        return (0 if nobody_else else found.st_mode >> 3 & 0o7) | found.st_mode & 0o7


@cache
def _is_of_one(group: int, user: int) -> bool:
    """Say whether a group is one user's alone: it bears the user's name and nobody else is in it.

    Where accounts come from a server, not all of a group's members can be listed: its name decides.
    """
    try:
        known, owner = grp.getgrgid(group), pwd.getpwuid(user).pw_name
    except KeyError:
        return False
    first = [one.pw_name for one in pwd.getpwall() if one.pw_gid == group]
    return known.gr_name == owner and {*known.gr_mem, *first} <= {owner}
