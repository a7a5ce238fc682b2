"""Which submissions the paths of `autograder grade` mean; downloads are collected first."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.cli.collect_table import collect_tables
from autograder.cli.display import STDERR, progress, say, say_json
from autograder.course.files import Assignment

if TYPE_CHECKING:
    from autograder.submissions.finding import Found
    from autograder.submissions.intake.outcomes import Outcome
    from autograder.submissions.intake.platforms import Reading


@dataclass
class Intake:
    """Finds submissions; shows what was collected from downloads, and what was left out."""

    assignment: Assignment
    reading: Reading
    scratch: Path
    as_json: bool = False
    left_out: list[Outcome] = field(default_factory=list)

    def find(self, paths: tuple[Path, ...], *, into_course: bool) -> list[Found]:
        """Return the submissions; a download's go into the course first, or into a scratch folder.

        A folder whose names are to be read by a pattern or a platform's rules is a download too.
        """
        from autograder.submissions.finding import find_submissions, passed_over

        named = self.reading.platform is not None or self.reading.pattern is not None
        downloads = tuple(path for path in paths if _is_archive(path) or (named and path.is_dir()))
        others = tuple(path for path in paths if path not in downloads)
        found = find_submissions(self.assignment, others) if others or not downloads else []
        for line in passed_over(self.assignment, others, found):
            if self.as_json:
                say_json({"passed_over": line}, err=True)
            else:
                say(line, err=True)
        if downloads:
            take = self._collected if into_course else self._unpacked
            found += take(downloads)
        return found

    def _collected(self, downloads: tuple[Path, ...]) -> list[Found]:
        from autograder.submissions.finding import Found
        from autograder.submissions.intake import collecting
        from autograder.submissions.intake.outcomes import Action

        settings = collecting.Settings(self.reading)
        outcomes = collecting.collect(self.assignment, downloads, settings, progress)
        self._show(outcomes)
        there = (Action.PLACED, Action.REPLACED, Action.UNCHANGED, Action.OLDER)
        students = sorted({one.student for one in outcomes if one.action in there})
        return [Found(student, self.assignment.submission(student), True) for student in students]

    def _unpacked(self, downloads: tuple[Path, ...]) -> list[Found]:
        from autograder.submissions.finding import Found
        from autograder.submissions.intake import collecting

        settings = collecting.Settings(self.reading)
        folder = self.scratch / "download"
        folder.mkdir()
        watch = {} if self.as_json else {"watch": progress}
        notebooks, outcomes = collecting.read_loose(
            self.assignment, downloads, folder, settings, **watch
        )
        self._show(outcomes)
        return [Found(student, path, False) for student, path in sorted(notebooks.items())]

    def _show(self, outcomes: list[Outcome]) -> None:
        self.left_out += [outcome for outcome in outcomes if outcome.needs_person]
        if self.as_json:
            for one in self.left_out:
                line = {"left_out": one.source, "student": one.student, "reason": one.reason}
                say_json(line, err=True)
            return
        for table in collect_tables(outcomes, self.assignment.course.root):
            STDERR.print(table)


def _is_archive(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".zip"
