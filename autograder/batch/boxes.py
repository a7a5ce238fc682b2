"""The boxes of one run: they take seconds to get ready, so they begin before all else."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from autograder.batch.finding import Found
from autograder.batch.settings import ClassSettings
from autograder.course import Assignment
from autograder.judge.box import Box, launch_together


@dataclass
class RunBoxes:
    """One box a judge, where this machine grades; nothing here imports what takes long."""

    assignment: Assignment
    settings: ClassSettings
    _launched: list[Box] = field(default_factory=list)

    def launch_ahead(self, found: list[Found]) -> None:
        """Let boxes get ready for the submissions that have no result: these must be graded."""
        self.launch(sum(not self.assignment.result(one.student).exists() for one in found))

    def launch(self, submissions: int) -> None:
        """Let as many get ready as so many submissions need; where some do already, no more."""
        count = min(self.settings.jobs, submissions)
        if count and not self._launched and self.settings.cluster is None:
            data, slow_imports = self.assignment.course.data, self.assignment.slow_imports
            self._launched = launch_together(self.settings.isolation, data, count, slow_imports)

    def of_judge(self, number: int) -> Box | None:
        """Return a judge's box; one that takes a dead judge's place has none waiting for it."""
        return self._launched[number] if number < len(self._launched) else None

    @property
    def lines(self) -> list[socket.socket]:
        """The lines to them: something can be read on one when all are ready."""
        return [box.line for box in self._launched if box.line is not None]

    def let_go(self) -> None:
        """In another process: close its copies of their lines, which would hide that we hang up."""
        for box in self._launched:
            box.let_go()

    def close(self) -> None:
        """End them all."""
        for box in self._launched:
            box.close()
