"""Who else on this machine can read what no student may see: by the permissions of every folder."""

from __future__ import annotations

import grp
import pwd
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from autograder.course.exchange import exchange_root
from autograder.course.files import Course
from autograder.course.private_places import EXCHANGE, private_places
from autograder.findings import Finding

# Not places of nbgrader's, and all the same not for students.
_ALSO_PRIVATE = (".git", "collected", "demo", ".autograder")


def examine_access(course: Course) -> list[Finding]:
    """Say whether other users of this machine can read solutions, tests, gradebook, submissions.

    It is needed where there is an exchange: then students work on this machine.
    """
    needed = exchange_root(course).is_dir()
    places = [place for place in _places(course) if place[1].exists()]
    inside = [(what, path) for what, path in places if path.is_relative_to(course.root)]
    outside = [(what, path) for what, path in places if not path.is_relative_to(course.root)]
    findings = [_in_the_course(course, inside, needed)]
    findings += [_elsewhere(what, path, needed) for what, path in outside]
    return [*findings, *_replaceable(course, needed)]


def _places(course: Course) -> Iterator[tuple[str, Path]]:
    for what, path in private_places(course):
        if what != EXCHANGE:
            yield what, path.resolve()
    for name in _ALSO_PRIVATE:
        yield f"the course's {name}", (course.root / name).resolve()


def _in_the_course(course: Course, places: list[tuple[str, Path]], needed: bool) -> Finding:
    what = "other users cannot read the course"
    open_ones = [path for _, path in places if is_open(path)]
    if not open_ones:
        return Finding(what, True, str(course.root))
    names = ", ".join(sorted({str(path.relative_to(course.root)) for path in open_ones}))
    return Finding(what, False, f"open: {names}", f"chmod 700 {course.root}", needed)


def _elsewhere(what: str, path: Path, needed: bool) -> Finding:
    is_closed = not is_open(path)
    mend = "" if is_closed else f"chmod go-rwx {path}"
    return Finding(f"other users cannot read {what}", is_closed, str(path), mend, needed)


def _replaceable(course: Course, needed: bool) -> Iterator[Finding]:
    """Yield the folders in which others could put another course in the place of this one."""
    for folder in (course.root, *course.root.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_ISVTX and _others(folder) & 0o2:
            what, mend = "other users cannot replace the course", f"chmod go-w {folder}"
            yield Finding(what, False, f"they may write in {folder}", mend, needed)


def is_open(path: Path) -> bool:
    """Say whether others than its owner can read a file, or list a folder."""
    return bool(_others(path) & 0o4) and all(_others(one) & 0o1 for one in path.parents)


def _others(path: Path) -> int:
    """Return what others than the owner may do: read 4, write 2, enter 1.

    A group of the owner alone, as most systems make one for each user, is nobody else.
    """
    found = path.stat()
    own = _is_of_one(found.st_gid, found.st_uid)
    return (0 if own else found.st_mode >> 3 & 0o7) | found.st_mode & 0o7


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
