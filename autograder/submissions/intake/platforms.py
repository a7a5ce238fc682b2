"""What each learning platform's file names say: whose notebook it is, and when it was handed in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from autograder.submissions.names import is_litter, is_notebook


class Platform(StrEnum):
    """Where a download comes from."""

    CANVAS = "canvas"
    MOODLE = "moodle"
    GRADESCOPE = "gradescope"
    NBGRADER = "nbgrader"
    LOOSE = "loose"
    PATTERN = "pattern"


@dataclass(frozen=True)
class Reading:
    """How the names of a download are read."""

    platform: Platform | None = None
    """None: found out from the names."""
    pattern: str | None = None
    zone: tzinfo | None = None
    """Of times without one; None is this machine's."""


class Unnamed(Exception):
    """The name does not say whose notebook this is; the message says why."""


@dataclass(frozen=True)
class Claim:
    """What a name says of a notebook. Students write part of these names: nothing is certain."""

    students: tuple[str, ...]
    """More than one where a group handed in together."""
    unit: str
    """The submission it is part of, within its download."""
    notebook: str
    """The notebook's own name."""
    time: datetime | None = None
    rank: int = 0
    """The later of two files of one submission has the higher one, where the platform counts."""
    number: str = ""
    """What the platform tells students of one name apart by."""
    notes: tuple[str, ...] = ()


Namer = Callable[[str], Claim]
"""Makes a claim of a path in the download; raises Unnamed."""

_CANVAS = re.compile(
    r"(?:(?P<name>.+?)_)?(?P<late>late_)?(?P<user>\d+|anon_[0-9a-z]+)_(?P<file>\d+)_(?P<own>.+)",
    re.IGNORECASE,
)
_MOODLE = re.compile(
    r"(?P<name>[^_]+)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<own>.*)"
)
_GRADESCOPE = re.compile(r"submission_\d+")


def canvas(path: str) -> Claim:
    """Read a name of Canvas' "Download Submissions": the student is Canvas' user id.

    `lovelaceada_LATE_12345_67890_a01_pca.ipynb`: sortable name, a mark, user id, file id, own
    name; `anon_x1y2z` stands for name and id where grading is anonymous. The time is not in it,
    and the archive's own is that of the download.

    https://github.com/instructure/canvas-lms/blob/master/lib/content_zipper.rb (`get_filename`)
    """
    unit, _, rest = path.partition("/")
    match = _CANVAS.fullmatch(unit)
    if match is None:
        raise Unnamed("is not named as Canvas names files (name_123_456_file.ipynb)")
    if re.match(r"\d+_", match["own"]):
        # A student may call themselves `mallory_99`: which number is the user's?
        raise Unnamed("can be read in two ways: too many numbers in its name")
    user = match["user"]
    late = ("Canvas calls it late, but its download holds no time",) if match["late"] else ()
    own = rest.rpartition("/")[2] or match["own"]
    return Claim((user,), user, own, rank=int(match["file"][:18]), notes=late)


def moodle(path: str) -> Claim:
    """Read a name of Moodle's "Download all submissions": the student is the full name.

    `Ada Lovelace_1234567_assignsubmission_file_/a01_pca.ipynb`, or all in one name. The number
    is of this assignment alone, so that it cannot be the student's id in a course. Moodle gives
    the archive's entries no time of their own: they bear that of the download.

    https://github.com/moodle/moodle/blob/MOODLE_401_STABLE/mod/assign/classes/downloader.php
    https://github.com/moodle/moodle/blob/MOODLE_401_STABLE/files/classes/local/archive_writer/zip_writer.php
    """
    unit, _, rest = path.partition("/")
    match = _MOODLE.fullmatch(unit)
    if match is None:
        raise Unnamed("is not named as Moodle names files (Name_123_assignsubmission_file_/…)")
    own = rest.rpartition("/")[2] or match["own"]
    unit = f"{match['name']}_{match['number']}"
    return Claim((match["name"],), unit, own, number=match["number"])


@dataclass(frozen=True)
class Handed:
    """One submission as Gradescope's metadata tell of it."""

    students: tuple[str, ...]
    time: datetime | None


def gradescope(submissions: Mapping[str, Handed]) -> Namer:
    """Return the reader of a Gradescope export, given its metadata."""

    def read(path: str) -> Claim:
        unit, _, rest = path.partition("/")
        if unit not in submissions or not rest:
            raise Unnamed("is not in Gradescope's submission_metadata.yml")
        handed = submissions[unit]
        if not handed.students:
            raise Unnamed("has no submitter with a student id or an e-mail address")
        group = len(handed.students) > 1
        notes = (f"handed in by {len(handed.students)} students together",) if group else ()
        return Claim(handed.students, unit, rest.rpartition("/")[2], handed.time, notes=notes)

    return read


def nbgrader(assignment: str, times: Mapping[str, datetime]) -> Namer:
    """Return the reader of nbgrader's own folders: `<student>/<assignment>/<notebook>.ipynb`."""

    def read(path: str) -> Claim:
        parts = path.split("/")
        if len(parts) != 3:
            raise Unnamed("is not named as nbgrader names files (student/assignment/…)")
        if parts[1] != assignment:
            raise Unnamed(f"is of another assignment ({parts[1]})")
        folder = "/".join(parts[:2])
        return Claim((parts[0],), folder, parts[2], times.get(folder))

    return read


def loose(assignment: str) -> Namer:
    """Return the reader of loose notebooks: `ada.ipynb`, or `ada/<assignment>.ipynb`."""

    def read(path: str) -> Claim:
        *folders, own = path.split("/")
        stem = own.rpartition(".")[0] or own
        if folders and _GRADESCOPE.fullmatch(folders[0]):
            raise Unnamed("seems to be Gradescope's, but there is no submission_metadata.yml")
        if len(folders) == 1 or (folders and _is_students_own(folders[1])):
            # A student's own archive counts as a folder.
            student = re.sub(r"(?i)\.zip$", "", folders[0])
            return Claim((student,), folders[0], own)
        if folders or stem == assignment:
            raise Unnamed("does not say whose it is: name it after the student, or use --pattern")
        return Claim((stem,), stem, own if not is_notebook(own) else f"{assignment}.ipynb")

    return read


def _is_students_own(folder: str) -> bool:
    """Say whether a folder within a student's is an archive of theirs, or what Jupyter keeps."""
    return folder.casefold().endswith(".zip") or is_litter(folder)


def detect(paths: list[str], assignment: str, *, has_metadata: bool) -> Platform | None:
    """Return the platform that most of the notebooks' names fit.

    Only the outermost folder or file counts: what lies within is named by students.
    """
    found: Counter[Platform] = Counter()
    for path in paths:
        parts = path.split("/")
        if _MOODLE.fullmatch(parts[0]):
            found[Platform.MOODLE] += 1
        elif has_metadata and len(parts) > 1 and _GRADESCOPE.fullmatch(parts[0]):
            found[Platform.GRADESCOPE] += 1
        elif len(parts) == 3 and parts[1] == assignment:
            found[Platform.NBGRADER] += 1
        elif _CANVAS.fullmatch(parts[0]):
            found[Platform.CANVAS] += 1
    most = [platform for platform, count in found.items() if count * 2 > len(paths)]
    return most[0] if most else None
