"""Remember which results the gradebook has, so that a run that was cut off is taken up."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from autograder.atomic_files import write_whole
from autograder.course.configuration import course_config
from autograder.course.files import Assignment
from autograder.results.versions import entering_hash, text_hash

_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class EnteredMarks:
    """One mark a student: the hash of the result that was entered last."""

    assignment: Assignment

    @property
    def _folder(self) -> Path:
        return self.assignment.results / ".entered"

    @property
    def _gradebook(self) -> Path:
        return self._folder / "gradebook"

    @property
    def _students(self) -> Path:
        # A folder of their own: a student may be called like any other file.
        return self._folder / "students"

    def hold(self) -> bool:
        """Say whether the marks are of gradebook, notebook and engine as they are now."""
        try:
            return self._gradebook.read_text() == self._stamp()
        except OSError:
            return False

    def renew(self, *, was_told: bool) -> None:
        """Forget all marks where the gradebook is another one, or has just been told the cells."""
        if was_told or not self.hold():
            shutil.rmtree(self._folder, ignore_errors=True)
            write_whole(self._gradebook, self._stamp().encode())

    def is_set(self, student: str) -> bool:
        """Say whether the gradebook has the student's result as it is now."""
        try:
            return (self._students / student).read_text() == self.digest(student)
        except OSError:
            return False

    def set(self, student: str, digest: str) -> None:
        """Note that the result of this digest was entered."""
        write_whole(self._students / student, digest.encode())

    def digest(self, student: str) -> str:
        """Return the hash of a result and of the time it was handed in, which decides penalties."""
        timestamp = self.assignment.submission(student).with_name("timestamp.txt")
        content = self.assignment.result(student).read_bytes()
        return text_hash(content + (timestamp.read_bytes() if timestamp.is_file() else b""))

    def _stamp(self) -> str:
        course = self.assignment.course
        url = str(
            course_config(course).CourseDirectory.get("db_url")
            or f"{_SQLITE}{course.root / 'gradebook.db'}"
        )
        file = Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None
        identity = 0 if file is None or not file.exists() else file.stat().st_ino
        if file is not None and not identity:
            raise FileNotFoundError(file)
        # The URL may hold a password.
        url = text_hash(url.encode())
        notebook = text_hash(self.assignment.source_notebook.read_bytes())
        return json.dumps([url, identity, notebook, entering_hash()])
