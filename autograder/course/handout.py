"""Pack what students get: released notebooks, their data, how to install, open and hand in."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from autograder.course.checking import leaks
from autograder.course.configuration import course_config, course_licence
from autograder.course.facts import read_facts
from autograder.course.files import Assignment, Course
from autograder.course.notebooks import stale
from autograder.course.texts import read_text
from autograder.errors import CourseError

READ_ME = "README.txt"
_TEMPLATES = Path(__file__).parent / "templates"
# The first moment that a zip can tell: the same release gives the same bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644


def handout_name(course: Course, assignments: list[Assignment], *, whole: bool) -> str:
    """Return what a handout is called: the course, and the assignments where it is not all."""
    name = str(course_config(course).CourseDirectory.get("course_id") or course.root.name)
    name = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "course"
    return name if whole else "-".join([name, *(one.name for one in assignments)])


def pack_handout(course: Course, assignments: Iterable[Assignment], name: str) -> bytes:
    """Return a zip of one folder of that name; the same release gives the same bytes.

    Raises CourseError where an assignment is not released as its master is now, or where its
    release shows some of an answer.
    """
    packed = io.BytesIO()
    lines = []
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for assignment in assignments:
            for path in _released(assignment):
                _add(archive, f"{name}/{assignment.name}/{path.name}", _content(path))
            lines.append(_line(assignment))
        if not lines:
            raise CourseError(
                f"{course.root} has no assignment to hand out: `autograder new` makes one"
            )
        for beside, text in _beside(course, lines):
            _add(archive, f"{name}/{beside}", text.encode())
    return packed.getvalue()


def _released(assignment: Assignment) -> list[Path]:
    """Return the files that students get, or say why they are not to be handed out."""
    for path in stale(assignment):
        raise CourseError(f"{path} is stale: run `autograder build`, then hand out what it wrote")
    for problem in leaks(assignment):
        raise CourseError(f"{problem}: it is not handed out")
    folder = assignment.release_notebook.parent
    return [assignment.release_notebook, *(folder / name for name in read_facts(assignment).data)]


def _beside(course: Course, lines: list[str]) -> list[tuple[str, str]]:
    """Return the files beside the assignments' folders: each one's name and its text."""
    environment = course.student_environment
    requirements = _requirements(course)
    texts = [
        (READ_ME, _read_me(course, lines, requirements)),
        (course.student_requirements.name, requirements),
    ]
    if environment.is_file():
        texts.append((environment.name, read_text(environment, "")))
    return texts


def _requirements(course: Course) -> str:
    """Return what students install: as the course says, or what every notebook needs."""
    own = course.student_requirements
    return read_text(own, "") if own.is_file() else _template(own.name)


def _read_me(course: Course, lines: list[str], requirements: str) -> str:
    licence = course_licence(course)
    return _template("handout_read_me.txt").format(
        assignments="\n".join(lines),
        first=lines[0].split()[0],
        without_cuda=_WITHOUT_CUDA if re.search("^torch", requirements, re.MULTILINE) else "",
        conda=_CONDA if course.student_environment.is_file() else "",
        licence=f"\nThe course is under the licence {licence}.\n" if licence else "",
    )


# What PyPI has for Linux is ten times as large.
_WITHOUT_CUDA = " --extra-index-url https://download.pytorch.org/whl/cpu"
_CONDA = """
  With conda, on any system, instead
    conda env create -n course -f environment.yml
    conda activate course
"""


def _template(name: str) -> str:
    path = _TEMPLATES / name
    return read_text(path, f"{path} is missing: install the engine again")


def _line(assignment: Assignment) -> str:
    """Return an assignment's lines in the list: its notebook, its title."""
    title = read_facts(assignment).title
    return f"  {assignment.name}/{assignment.release_notebook.name}\n      {title}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}") from None


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file that says nothing of when, where and by whom it was packed."""
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.create_system = 3  # Unix, wherever it is packed.
    entry.external_attr = _PLAIN_FILE << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
