"""Choose one notebook of each student: the assignment's of a submission, then the latest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autograder.submissions.intake.outcomes import Action, Outcome
from autograder.submissions.intake.reading_downloads import Claimed
from autograder.submissions.names import is_named, without_number


@dataclass(frozen=True)
class Chosen:
    """The one notebook of a student, and what a person may want to know of the choice."""

    student: str
    notebook: Claimed
    notes: tuple[str, ...] = ()

    @property
    def time(self) -> datetime | None:
        return self.notebook.claim.time


def choose(claimed: Iterable[Claimed], assignment: str) -> Iterator[Chosen | Outcome]:
    """Yield each student's one notebook, and what is left out because no rule decides."""
    units: dict[str, dict[tuple[str, str], list[Claimed]]] = {}
    for one in claimed:
        unit = (one.entry.source, one.claim.unit)
        units.setdefault(one.student, {}).setdefault(unit, []).append(one)
    for student, submissions in sorted(units.items()):
        chosen: list[Chosen] = []
        for notebooks in submissions.values():
            one_or_none = _of_submission(student, notebooks, assignment)
            if isinstance(one_or_none, Chosen):
                chosen.append(one_or_none)
            else:
                yield one_or_none
        if chosen:
            yield from _latest(student, chosen)


def _of_submission(student: str, notebooks: list[Claimed], assignment: str) -> Chosen | Outcome:
    """Return the assignment's notebook of one submission: by its name, or the only one."""
    named = [one for one in notebooks if is_named(one.claim.notebook, assignment)]
    candidates = named or notebooks
    if len({without_number(one.claim.notebook) for one in candidates}) == 1:
        # One notebook, handed in more than once; of two, the later need not be the one meant.
        candidates = _with_top(candidates)
    first = candidates[0]
    if len({one.entry.digest for one in candidates}) > 1:
        names = ", ".join(sorted(one.entry.own_name for one in candidates)[:4])
        reason = f"{len(candidates)} notebooks in one submission, none of them clearly the one to "
        reason += f"grade: {names}"
        return Outcome(Action.LEFT_OUT, student, first.shown, first.claim.time, reason)
    notes = first.claim.notes
    if not named:
        notes = (*notes, f"its name was {first.claim.notebook}")
    if len(notebooks) > 1:
        others = {one.claim.notebook for one in notebooks if one not in candidates}
        notes = (*notes, f"left aside: {', '.join(sorted(others)[:4])}") if others else notes
    return Chosen(student, first, notes)


def _with_top(notebooks: list[Claimed]) -> list[Claimed]:
    top = max(one.claim.rank for one in notebooks)
    return [one for one in notebooks if one.claim.rank == top]


def _latest(student: str, chosen: list[Chosen]) -> Iterator[Chosen | Outcome]:
    """Yield the latest of a student's submissions; where times do not tell, all as left out."""
    if len({one.notebook.entry.digest for one in chosen}) == 1:
        # The same bytes were handed in when they first were.
        timed = [one for one in chosen if one.time is not None]
        yield min(timed, key=_position) if timed else chosen[0]
        return
    order = sorted(chosen, key=_position)
    if len({one.time is None for one in chosen}) == 2:
        order = []
    if not order or _position(order[-1]) == _position(order[-2]):
        reason = f"{len(chosen)} different submissions, and no times that tell which is the latest"
        for one in chosen:
            shown = one.notebook.shown
            yield Outcome(Action.LEFT_OUT, student, shown, one.time, reason)
        return
    for one in order[:-1]:
        yield Outcome(
            Action.OLDER, student, one.notebook.shown, one.time, "a later one was handed in"
        )
    last = order[-1]
    yield replace(last, notes=(*last.notes, f"the latest of {len(order)}"))


def _position(one: Chosen) -> tuple[datetime, int]:
    return one.time or datetime.min.replace(tzinfo=UTC), one.notebook.claim.rank
