"""Find what a student left: files, lines of logs, the gradebook, the exchange; change nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from markupsafe import Markup
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import notebook_hash

from autograder.course.exchange import exchange_config, exchange_root
from autograder.course.files import Course
from autograder.course.private_places import nbgrader_folders
from autograder.errors import CourseError
from autograder.gradebook.reading import gradebook_of
from autograder.results.rebuilt import rebuilt_path

_SECRET = "submission_secret.txt"
# Of a file's name, in bytes; five are for what comes after an id.
_LONGEST = 250
_LARGEST_READ = 64 * 2**20
_TEXTS = {".csv", ".htm", ".html", ".json", ".txt"}


@dataclass(frozen=True)
class Traces:
    """All that was found of one student."""

    student: str
    paths: tuple[Path, ...]
    """Files and folders of this student alone."""
    logs: tuple[Path, ...]
    """Logs of the course in which lines name the student."""
    submissions: int | None
    """How many submissions the gradebook has; None where it does not know the student."""
    exchange: tuple[Path, ...]
    """What lies in nbgrader's exchange."""
    to_make_again: tuple[Path, ...]
    """Pages and tables of the class that name the student: they are others', too."""
    copies: tuple[Path, ...]
    """Copies of the gradebook, as nbgrader makes them when it upgrades one."""
    others: frozenset[str]
    """Ids of other students of which this one's is a part."""

    @property
    def can_be_removed(self) -> bool:
        """Say whether anything is the student's alone."""
        return self.submissions is not None or any((self.paths, self.logs, self.exchange))


def find_traces(course: Course, student: str) -> Traces:
    """Look everywhere for a student; ids are compared whole, so that `jo` is not `jo-ann`."""
    _refuse_no_id(student)
    with gradebook_of(course) as gradebook:
        submissions, names = _in_gradebook(gradebook, student)
        others = _other_ids(course, gradebook, student)
    paths = tuple(path for path in _own_places(course, student) if _is_there(path))
    naming = re.compile("|".join(map(_whole, sorted(names, key=len, reverse=True))))
    hiding = re.compile("|".join(map(_whole, sorted(others, key=len, reverse=True))) or r"(?!)")
    return Traces(
        student,
        paths,
        tuple(path for path in _logs(course) if list(lines_naming(path, student, others))),
        submissions,
        tuple(_in_exchange(course, student, paths)),
        tuple(path for path in _of_the_class(course, paths) if _names(path, naming, hiding)),
        tuple(sorted(course.root.glob("gradebook.db.*"))) if submissions is not None else (),
        frozenset(others),
    )


def _refuse_no_id(student: str) -> None:
    """Refuse what could be no folder's name, or another folder's."""
    is_odd = student in ("", ".", "..") or any(sign in student for sign in "/\\\x00")
    if is_odd or len(os.fsencode(student)) > _LONGEST:
        raise CourseError(f"{student[:80]!r} is no student's id: no folder can be called so")


def _own_places(course: Course, student: str) -> Iterator[Path]:
    """Yield where this student's own files would lie."""
    root = course.root
    folders = nbgrader_folders(course)
    for key in ("submitted_directory", "autograded_directory", "feedback_directory"):
        yield root / folders[key] / student
    if root / folders["submitted_directory"] != course.submitted:
        yield course.submitted / student
    for results in _folders(root / "results"):
        result = results / f"{student}.json"
        yield from (results / ".entered" / "students" / student, result)
        if result.is_file():
            yield rebuilt_path(results, result.read_bytes())
    for reports in _folders(root / "reports"):
        yield reports / f"{student}.html"
    for kept in chain(_folders(root / "collected"), _folders(root / "exports")):
        yield kept / student


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_dir() and not path.is_symlink())


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _in_gradebook(gradebook: Gradebook | None, student: str) -> tuple[int | None, set[str]]:
    """Return how many submissions a gradebook has, and by what names it knows the student."""
    if gradebook is None:
        return None, {student}
    try:
        found = gradebook.find_student(student)
    except MissingEntry:
        return None, {student}
    whole = f"{found.first_name or ''} {found.last_name or ''}".strip()
    known = {student, found.email, found.lms_user_id, whole if " " in whole else None}
    return len(found.submissions), {name for name in known if name}


def _other_ids(course: Course, gradebook: Gradebook | None, student: str) -> set[str]:
    """Return the ids of other students that this one's is a part of: `jo` of `jo.smith`."""
    known = {student.id for student in gradebook.students} if gradebook is not None else set()
    known |= {path.name for path in _folders(course.submitted)}
    known |= {path.stem for one in _folders(course.root / "results") for path in one.glob("*.json")}
    return {one for one in known if student in one and one != student}


def _whole(name: str) -> str:
    """Return a pattern for a name as a whole, as text or as it stands in a page."""
    written = "|".join(map(re.escape, sorted({name, str(Markup("{}").format(name))}, reverse=True)))
    return rf"(?<![\w-])(?:{written})(?![\w-])"


def _logs(course: Course) -> list[Path]:
    return sorted(path for path in (course.root / "results").glob("*.log") if path.is_file())


def lines_naming(log: Path, student: str, others: Iterable[str]) -> Iterator[int]:
    """Yield the numbers of a log's lines, from 0, that name a student and not just another one."""
    naming = re.compile(_whole(student))
    hiding = re.compile("|".join(map(_whole, sorted(others, key=len, reverse=True))) or r"(?!)")
    with log.open(encoding="utf-8", errors="replace", newline="") as lines:
        for number, line in enumerate(lines):
            if naming.search(hiding.sub("", line)):
                yield number


def _of_the_class(course: Course, own: tuple[Path, ...]) -> list[Path]:
    """Return the pages and tables that we wrote about a whole class."""
    found = [
        *(course.root / "reports").glob("*"),
        *(course.root / "exports").glob("*"),
        *course.root.glob("*.csv"),
        *course.root.glob("*.html"),
    ]
    return sorted(path for path in found if path.is_file() and path not in own)


def _names(path: Path, naming: re.Pattern[str], hiding: re.Pattern[str]) -> bool:
    if path.suffix not in _TEXTS or path.stat().st_size > _LARGEST_READ:
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return naming.search(hiding.sub("", text)) is not None


def _in_exchange(course: Course, student: str, own: tuple[Path, ...]) -> list[Path]:
    """Return what a student submitted, and the feedback on it, wherever nbgrader keeps the two."""
    name = str(exchange_config(course).CourseDirectory.get("course_id", ""))
    folder = exchange_root(course) / name
    if not name or not folder.is_dir():
        return []
    handed_in = sorted(path for path in (folder / "inbound").glob("*") if _is_by(path, student))
    secrets = chain.from_iterable(path.rglob(_SECRET) for path in (*own, *handed_in))
    feedback = {folder / "feedback" / f"{one}.html" for path in secrets for one in _hashes(path)}
    return [*handed_in, *sorted(path for path in feedback if path.is_file())]


def _is_by(submission: Path, student: str) -> bool:
    """Say whose a folder is: nbgrader calls it STUDENT+ASSIGNMENT+TIME, and mostly +RANDOM."""
    # An id may have a + in it, what is random has no colon, and every time has.
    after = 2 if ":" in submission.name.rpartition("+")[2] else 3
    return submission.name.rsplit("+", after)[0] == student


def _hashes(secret: Path) -> Iterator[str]:
    """Yield what nbgrader calls the feedback on the notebooks that lie beside a secret."""
    for notebook in (*secret.parent.glob("*.ipynb"), *secret.parent.glob("*.html")):
        yield notebook_hash(secret=secret.read_text(), notebook_id=notebook.stem)
