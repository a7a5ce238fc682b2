"""How far a class is graded: a display on a terminal, plain lines or lines of JSON elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from autograder.cli.display import STDERR, say, say_json
from autograder.grading.tasks import Graded

_LINE_EVERY_S = 10.0


@dataclass
class Tally:
    """What has come of a class so far; `failing` have less than half of the points."""

    total: int
    done: int = 0
    failing: int = 0
    flagged: int = 0
    entered: int = 0
    _new: int = 0
    _started: float = field(default_factory=time.monotonic)

    def count(self, graded: Graded) -> None:
        """Count a submission that has its result."""
        self.done += 1
        self._new += graded.is_new
        self.failing += 2 * graded.score < graded.max_score
        self.flagged += graded.needs_person

    def words(self) -> str:
        """Return the counts, the rate and the time left."""
        rate = 60 * self._new / max(time.monotonic() - self._started, 1e-3)
        parts = [f"{self.failing} failing", f"{self.flagged} flagged"]
        if self._new and self.done < self.total:
            left_s = 60 * (self.total - self.done) / rate
            parts += [f"{rate:.0f} a minute", f"{_duration(left_s)} left"]
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


class ClassProgress(Protocol):
    """Shows a tally as it changes."""

    def graded(self, graded: Graded) -> None: ...

    def entered(self) -> None: ...


@contextmanager
def class_progress(total: int, *, as_json: bool) -> Iterator[ClassProgress]:
    """Show how far a class is, on stderr, in the way that fits who reads it."""
    tally = Tally(total)
    if as_json:
        yield _JsonLines(tally)
    elif not STDERR.is_terminal:
        lines = _PlainLines(tally)
        yield lines
        lines.close()
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
        )
        # No refreshing thread: judges are forked from this process.
        with Progress(*columns, console=STDERR, transient=True, auto_refresh=False) as bar:
            yield _Display(tally, bar)


class _Display:
    def __init__(self, tally: Tally, bar: Progress) -> None:
        self._tally, self._bar = tally, bar
        self._grading = bar.add_task("grading", total=tally.total, words="")
        self._gradebook = bar.add_task("gradebook", total=tally.total, words="", visible=False)
        bar.refresh()

    def graded(self, graded: Graded) -> None:
        self._tally.count(graded)
        self._show()

    def entered(self) -> None:
        self._tally.entered += 1
        self._show()

    def _show(self) -> None:
        tally = self._tally
        self._bar.update(self._grading, completed=tally.done, words=tally.words())
        visible = tally.entered > 0
        self._bar.update(self._gradebook, completed=tally.entered, visible=visible)
        self._bar.refresh()


class _PlainLines:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._last = time.monotonic()

    def graded(self, graded: Graded) -> None:
        self._tally.count(graded)
        self._line()

    def entered(self) -> None:
        self._tally.entered += 1
        self._line()

    def _line(self) -> None:
        if time.monotonic() - self._last >= _LINE_EVERY_S:
            self.close()

    def close(self) -> None:
        self._last = time.monotonic()
        tally = self._tally
        entered = f", {tally.entered} entered in the gradebook" if tally.entered else ""
        say(f"{tally.done} of {tally.total} done, {tally.words()}{entered}", err=True)


class _JsonLines:
    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def graded(self, graded: Graded) -> None:
        self._tally.count(graded)
        line = {
            "done": self._tally.done,
            "total": self._tally.total,
            "student": graded.found.student,
            "score": graded.score,
            "max_score": graded.max_score,
            "verdict": graded.verdict,
            "needs_person": graded.needs_person,
            "seconds": graded.seconds,
            "is_new": graded.is_new,
        }
        say_json(line, err=True)

    def entered(self) -> None:
        self._tally.entered += 1
