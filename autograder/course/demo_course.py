"""The demo's own course: a folder in the course with a gradebook of its own; it can be removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from autograder.course.facts import read_facts
from autograder.course.files import CONFIG_NAME, Assignment, Course
from autograder.errors import CourseError

FOLDER = "demo"

_MARK = '"""A demo\'s configuration: the course\'s own, and all that is written lies here.'
# The course's own configuration is read, not copied, so that it holds as it is now. Whatever in it
# says where to write, to another database say, is said anew: a demo touches nothing of a class.
_CONFIG = f'''{_MARK}

Written by `autograder demo`; `autograder demo --remove` removes this folder.
"""

from pathlib import Path

here = Path(__file__).resolve().parent
whole = here.parent / "{CONFIG_NAME}"
if not whole.is_file():
    # Without it nbgrader would run student code in a kernel.
    raise FileNotFoundError(f"{{whole}}: a demo lies in its course's folder")
load_subconfig(whole.name, path=str(whole.parent))  # noqa: F821  nbgrader defines it.

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "demo"
c.CourseDirectory.root = str(here)
c.CourseDirectory.db_url = f"sqlite:///{{here / 'gradebook.db'}}"
for name in ("source", "release", "submitted", "autograded", "feedback", "solution"):
    c.CourseDirectory[f"{{name}}_directory"] = name
c.Exchange.root = str(here / "exchange")
'''


def make_demo_course(assignment: Assignment) -> Assignment:
    """Put a copy of an assignment into the demo's course, and return that copy.

    A demo whose notebook is no longer the course's is removed first: its gradebook knows other
    cells. What has not changed is not written again.
    """
    read_facts(assignment)  # Raises CourseError where it is not built.
    if _is_demo(assignment.course.root):
        raise CourseError(f"{assignment.course.root} is a demo: go to the course it lies in")
    copy = Assignment(_demo_course(assignment.course), assignment.name)
    if _differ(assignment.release_notebook, copy.release_notebook):
        remove_demo(assignment.course)
    copy.course.root.mkdir(mode=0o700, exist_ok=True)
    # First, for it says that the folder is a demo: one that was broken off is one, too.
    copy.course.config.write_text(_CONFIG, encoding="utf-8")
    for path in _files_of(assignment):
        _copy(path, copy.course.root / path.relative_to(assignment.course.root))
    return copy


def remove_demo(course: Course) -> Path | None:
    """Remove the demo of a course; return its folder, or None where there was none."""
    demo = _demo_course(course)
    if not demo.root.exists():
        return None
    shutil.rmtree(demo.root)
    return demo.root


def _demo_course(course: Course) -> Course:
    """Return where a course's demo lies; refuse a folder that is something else."""
    root = course.root / FOLDER
    if root.is_symlink() or (root.exists() and not _is_demo(root)):
        raise CourseError(f"{root} is there and is no demo: move it away")
    return Course(root)


def _is_demo(root: Path) -> bool:
    config = Course(root).config
    return config.is_file() and config.read_bytes().startswith(_MARK.encode())


def _files_of(assignment: Assignment) -> Iterator[Path]:
    """Yield what a course of this one assignment consists of, but its configuration."""
    yield from (assignment.course.notebook_setup, assignment.master, assignment.solutions)
    yield from (assignment.hidden_tests, assignment.known_answers)
    for folder in (
        assignment.source_notebook.parent,
        assignment.release_notebook.parent,
        assignment.course.data,
    ):
        yield from folder.rglob("*")


def _differ(ours: Path, theirs: Path) -> bool:
    return theirs.is_file() and theirs.read_bytes() != ours.read_bytes()


def _copy(path: Path, target: Path) -> None:
    """Copy a file that is there, where its copy is another one; leave folders out."""
    if path.is_file() and (not target.is_file() or _differ(path, target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
