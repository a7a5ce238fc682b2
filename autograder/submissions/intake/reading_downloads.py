"""Read downloads into claimed notebooks: every file either claimed, or left out with a reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from autograder.errors import AutograderError
from autograder.safe_text import for_page
from autograder.submissions.intake import platforms
from autograder.submissions.intake.entries import METADATA, TIMESTAMP, Entry, Other, Refusal
from autograder.submissions.intake.gradescope_metadata import BrokenMetadata, read_metadata
from autograder.submissions.intake.outcomes import Action, Outcome
from autograder.submissions.intake.patterns import pattern_namer
from autograder.submissions.intake.platforms import Claim, Namer, Platform, Reading, Unnamed
from autograder.submissions.intake.students import UnsafeStudent, composed, student_id
from autograder.submissions.intake.times import parse_timestamp
from autograder.submissions.names import is_litter

_NAMES_SHOWN = 4
# What lies beside loose notebooks with such an ending is a student's, and no list or readme.
_HANDED_IN = {"7z", "doc", "docx", "gz", "heic", "htm", "html", "jpeg", "jpg", "json", "odt"} | {
    *("pages", "pdf", "png", "py", "rar", "rtf", "tar", "tgz", "txt", "zip")
}


@dataclass(frozen=True)
class Claimed:
    """A notebook with its student; one of a group stands once for each of them."""

    student: str
    entry: Entry
    claim: Claim

    @property
    def shown(self) -> str:
        return shown(self.entry.source, self.entry.name)


def shown(source: str, name: str) -> str:
    """Return how a file of a download is named to a person."""
    return f"{source}: {name}" if name and name != source else source


@dataclass
class Download:
    """The files of one path, sorted out."""

    path: Path
    notebooks: list[Entry] = field(default_factory=list)
    others: dict[str, Entry] = field(default_factory=dict)
    left: list[Outcome] = field(default_factory=list)
    aside: list[Other] = field(default_factory=list)
    """What else students handed in."""


def read_download(path: Path, files: Iterable[Entry | Refusal]) -> Download:
    """Return the files of a path, sorted out."""
    download = Download(path)
    for one in files:
        if isinstance(one, Refusal):
            source = shown(one.source, one.name)
            download.left.append(Outcome(Action.LEFT_OUT, "", source, reason=one.reason))
        elif one.own_name in (METADATA, TIMESTAMP):
            download.others[one.name] = one
        else:
            download.notebooks.append(one)
    return download


_Claims = list[tuple[Entry | Other, Claim]]
"""Of files, notebooks and others."""


def claim_notebooks(
    download: Download, assignment: str, reading: Reading
) -> Iterator[Claimed | Outcome]:
    """Yield each notebook of a download with its student, or as left out."""
    yield from download.left
    root, namer = _namer(download, assignment, reading)
    claims: _Claims = []
    for entry in download.notebooks:
        try:
            claim = _claim(entry, root, namer)
            # Canvas puts names of its own before a student's.
            is_none = is_litter(claim.notebook)
            claims.append((Other(entry.source, entry.name) if is_none else entry, claim))
        except Unnamed as error:
            yield _left_out(entry, str(error))
    for other in download.aside:
        # What no student can be named for may be the teacher's own.
        if _may_be_handed_in(other, root, bool(download.notebooks)):
            with contextlib.suppress(Unnamed):
                claims.append((other, _claim(other, root, namer)))
    units = _units(_tell_namesakes_apart(claims))
    for claimed in units.values():
        yield from _claimed(claimed)


def _claim(one: Entry | Other, root: str, namer: Namer) -> Claim:
    if not one.name.startswith(root):
        raise Unnamed("lies beside the folder of the submissions")
    return namer(one.name.removeprefix(root))


def _may_be_handed_in(other: Other, root: str, among_notebooks: bool) -> bool:
    """Say whether somebody may have handed this in, in a folder or among loose notebooks."""
    first, slash, _ = other.name.removeprefix(root).partition("/")
    if is_litter(first):
        return False
    is_of_platform = platforms.detect([first], "", has_metadata=False) is not None
    ending = first.casefold().rpartition(".")[2]
    return bool(slash) or is_of_platform or (among_notebooks and ending in _HANDED_IN)


def _units(claims: Iterable[tuple[Entry | Other, Claim]]) -> dict[str, _Claims]:
    units: dict[str, _Claims] = {}
    for one, claim in claims:
        units.setdefault(claim.unit, []).append((one, claim))
    return units


def _claimed(unit: _Claims) -> Iterator[Claimed | Outcome]:
    """Yield a submission's notebooks, and what else was in it; or that there is none."""
    others = [_own_name(one, claim) for one, claim in unit if isinstance(one, Other)]
    said = ", ".join(dict.fromkeys(others[:_NAMES_SHOWN]))
    said += f" and {len(others) - _NAMES_SHOWN} more" if len(others) > _NAMES_SHOWN else ""
    notebooks = [(one, claim) for one, claim in unit if isinstance(one, Entry)]
    for entry, claim in notebooks:
        notes = (*claim.notes, f"not taken: {said}") if said else claim.notes
        for student in claim.students:
            try:
                yield Claimed(student_id(student), entry, replace(claim, notes=notes))
            except UnsafeStudent as error:
                yield _left_out(entry, str(error))
    if not notebooks:
        first, claim = unit[0]
        reason = f"no notebook was handed in, but {said}: ask for the .ipynb"
        for student in claim.students:
            source = shown(first.source, first.name)
            yield Outcome(Action.LEFT_OUT, for_page(student), source, claim.time, reason)


def _own_name(other: Other, claim: Claim) -> str:
    """Return what a student called a file; a pattern does not tell, and the whole name stands."""
    own = other.name.rpartition("/")[2]
    return claim.notebook if own.endswith(claim.notebook) else own


def _left_out(entry: Entry, reason: str) -> Outcome:
    return Outcome(Action.LEFT_OUT, "", shown(entry.source, entry.name), reason=reason)


def _namer(download: Download, assignment: str, reading: Reading) -> tuple[str, Namer]:
    """Return the folder that holds all submissions, and the reader of the names below it."""
    if reading.pattern is not None:
        return "", pattern_namer(reading.pattern, assignment, reading.zone)
    names = [one.name for one in download.notebooks or download.aside]
    found = [
        (root, platforms.detect(_below(names, root), assignment, has_metadata=_has(download, root)))
        for root in _roots(names)
    ]
    for root, platform in found:
        if platform is not None and reading.platform in (None, platform):
            return root, _reader(platform, download, root, assignment)
    if reading.platform not in (None, Platform.LOOSE):
        # None fits: each name is left out with what the platform's would look like.
        return "", _reader(reading.platform, download, "", assignment)
    return _loose_root(names, assignment), platforms.loose(assignment)


def _roots(names: list[str]) -> list[str]:
    """Return the folders below which submissions may lie: none, or the one that holds all."""
    first = {name.partition("/")[0] for name in names}
    if len(first) == 1 and names and all("/" in name for name in names):
        return ["", f"{first.pop()}/"]
    return [""]


def _loose_root(names: list[str], assignment: str) -> str:
    """Return the folder to look below: `class/ada.ipynb` has one, `ada/a01_pca.ipynb` has none."""
    root = _roots(names)[-1]
    below = _below(names, root)
    deeper = any("/" in name for name in below)
    is_class = len(below) > 1 and f"{assignment}.ipynb" not in below
    return root if deeper or is_class else ""


def _below(names: list[str], root: str) -> list[str]:
    return [name.removeprefix(root) for name in names]


def _has(download: Download, root: str) -> bool:
    return f"{root}{METADATA}" in download.others


def _reader(platform: Platform, download: Download, root: str, assignment: str) -> Namer:
    if platform is Platform.CANVAS:
        return platforms.canvas
    if platform is Platform.MOODLE:
        return platforms.moodle
    if platform is Platform.NBGRADER:
        return platforms.nbgrader(assignment, _timestamps(download, root))
    entry = download.others.get(f"{root}{METADATA}")
    if entry is None:
        raise AutograderError(
            f"{download.path}: no {METADATA} in it, which says whose each submission is: "
            "export the submissions from Gradescope as a whole"
        )
    try:
        return platforms.gradescope(read_metadata(entry.path))
    except BrokenMetadata as error:
        raise AutograderError(f"{download.path}: {entry.name} {error}") from None


def _timestamps(download: Download, root: str) -> dict[str, datetime]:
    times: dict[str, datetime] = {}
    for name, entry in download.others.items():
        folder, _, own = name.removeprefix(root).rpartition("/")
        time = parse_timestamp(entry.path.read_text(encoding="utf-8", errors="replace"))
        if own == TIMESTAMP and time is not None:
            times[folder] = time
    return times


def _spelled(students: tuple[str, ...]) -> tuple[str, ...]:
    """Return names as their ids would be spelled: two that look alike may be two persons'."""
    return tuple(composed(student) for student in students)


def _tell_namesakes_apart(claims: _Claims) -> Iterator[tuple[Entry | Other, Claim]]:
    """Give students of one name the platform's number, so that none gets another's place."""
    numbers: dict[tuple[str, ...], set[str]] = {}
    for _, claim in claims:
        numbers.setdefault(_spelled(claim.students), set()).add(claim.number)
    for entry, claim in claims:
        if claim.number and len(numbers[_spelled(claim.students)]) > 1:
            students = tuple(f"{student}_{claim.number}" for student in claim.students)
            note = "several students have this name: the platform's number was added"
            claim = replace(claim, students=students, notes=(*claim.notes, note))
        yield entry, claim
