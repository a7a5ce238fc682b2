"""The boxes of one run: they take seconds to get ready, so they begin before all else."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from pathlib import Path

from autograder.sandbox.host.box import Box, launch_together
from autograder.sandbox.isolation import Isolation


@dataclass
class RunBoxes:
    """One box a judge, for one course; nothing here imports what takes long."""

    isolation: Isolation
    data: Path
    slow_imports: tuple[str, ...]
    jobs: int
    """How many judges there are on this machine at most."""
    _launched: list[Box] = field(default_factory=list)

    def launch(self, submissions: int) -> None:
        """Let as many get ready as so many submissions need; where some do already, no more."""
        count = min(self.jobs, submissions)
        if count and not self._launched:
            self._launched = launch_together(self.isolation, self.data, count, self.slow_imports)

    def of_judge(self, number: int) -> Box:
        """Return a judge's box; one that takes another judge's place gets one of its own."""
        if number < len(self._launched):
            return self._launched[number]
        return Box(self.isolation, self.data, slow_imports=self.slow_imports)

    @property
    def lines(self) -> list[socket.socket]:
        """The lines to them: something can be read on one when all are ready."""
        return [box.line for box in self._launched if box.line is not None]

    def let_go(self) -> None:
        """In another process: close its copies of their lines, which would hide that we hang up."""
        for box in self._launched:
            box.let_go()

    def hang_up(self, number: int) -> None:
        """End what runs in a judge's box, whoever holds a copy of the line: the judge has ended."""
        line = self._launched[number].line if number < len(self._launched) else None
        if line is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End them all."""
        for box in self._launched:
            box.close()
