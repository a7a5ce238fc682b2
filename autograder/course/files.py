"""A course on disk: where every file of an assignment lies. Never reads their content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError

CONFIG_NAME = "nbgrader_config.py"


@dataclass(frozen=True)
class Assignment:
    """One assignment's files, all derived from its name."""

    course: Course
    name: str

    @property
    def master(self) -> Path:
        return self.course.root / "source" / f"{self.name}.md"

    @property
    def solutions(self) -> Path:
        return self.course.root / "solutions" / f"{self.name}.py"

    @property
    def hidden_tests(self) -> Path:
        return self.course.root / "tests" / "hidden" / f"test_{self.name}.py"

    @property
    def known_answers(self) -> Path:
        return self.course.root / "tests" / "answers" / f"{self.name}.py"

    @property
    def source_notebook(self) -> Path:
        return self.course.root / "source" / self.name / f"{self.name}.ipynb"

    @property
    def release_notebook(self) -> Path:
        return self.course.root / "release" / self.name / f"{self.name}.ipynb"

    @property
    def results(self) -> Path:
        return self.course.root / "results" / self.name

    def submission(self, student: str) -> Path:
        """Return where nbgrader keeps a student's submitted notebook."""
        return self.course.submitted / student / self.name / f"{self.name}.ipynb"

    def result(self, student: str) -> Path:
        """Return where a student's results are written."""
        return self.results / f"{student}.json"


@dataclass(frozen=True)
class Course:
    """A course folder: the one that holds `nbgrader_config.py`."""

    root: Path

    @property
    def notebook_setup(self) -> Path:
        return self.root / "source" / "notebook_setup.py"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def submitted(self) -> Path:
        return self.root / "submitted"

    @property
    def config(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def student_requirements(self) -> Path:
        """What students install."""
        return self.root / "requirements-student.txt"

    @property
    def student_environment(self) -> Path:
        """The same for conda, where a course has it."""
        return self.root / "environment.yml"

    def assignments(self) -> list[Assignment]:
        """Return every assignment that has a master, in the order of their names."""
        masters = sorted((self.root / "source").glob("*.md"))
        return [Assignment(self, path.stem) for path in masters]

    def assignment(self, name: str) -> Assignment:
        """Return the assignment of that name, or say which there are.

        Where only what was built is there, on a cluster say, that is enough for grading.
        """
        assignment = Assignment(self, name)
        if not (assignment.master.is_file() or assignment.release_notebook.is_file()):
            known = ", ".join(known.name for known in self.assignments()) or "none"
            raise CourseError(
                f"no assignment {name!r}: there is no {assignment.master}; assignments: {known}"
            )
        return assignment

    def chosen(self, names: tuple[str, ...]) -> list[Assignment]:
        """Return the assignments named, or all where none is."""
        return [self.assignment(name) for name in names] if names else self.assignments()


def find_course(start: Path) -> Course:
    """Return the course at or above a folder, found by its configuration file."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / CONFIG_NAME).is_file():
            return Course(folder)
    raise CourseError(
        f"no {CONFIG_NAME} at or above {start}: go to the course's folder or name it with --course"
    )
