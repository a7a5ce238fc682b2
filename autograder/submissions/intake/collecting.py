"""Collect a class: plan what goes where, then do it. Nothing in `submitted/` is ever lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from autograder.course.configuration import course_limits
from autograder.course.files import Assignment
from autograder.errors import AutograderError, OddPlace
from autograder.submissions.intake.choosing import Chosen, choose
from autograder.submissions.intake.entries import MAX_TOTAL_BYTES, Store
from autograder.submissions.intake.folders import read_path
from autograder.submissions.intake.outcomes import Action, Outcome
from autograder.submissions.intake.placing import Placed, look, place, place_time
from autograder.submissions.intake.platforms import Reading
from autograder.submissions.intake.reading_downloads import Claimed, claim_notebooks, read_download

Watch = Callable[[Iterable[Any], str, int | None], Iterator[Any]]
"""Passes items on and shows how far it is: what, and how many where that is known."""


def _unwatched(items: Iterable[Any], what: str, total: int | None) -> Iterator[Any]:
    return iter(items)


@dataclass(frozen=True)
class Settings:
    """How a class is collected."""

    reading: Reading = field(default_factory=Reading)
    replace: bool = False
    """Place also where no time tells that it is newer, or one tells that it is older."""
    max_total: int = MAX_TOTAL_BYTES


def collect(
    assignment: Assignment,
    paths: tuple[Path, ...],
    settings: Settings = Settings(),
    watch: Watch = _unwatched,
) -> list[Outcome]:
    """Place each student's newest notebook in `submitted/`; return what became of every file."""
    with opened(assignment, paths, settings, watch) as found:
        planned = plan(assignment, found, settings)
        return [
            _carried_out(assignment, outcome) for outcome in watch(planned, "placing", len(planned))
        ]


def preview(
    assignment: Assignment,
    paths: tuple[Path, ...],
    settings: Settings = Settings(),
    watch: Watch = _unwatched,
) -> list[Outcome]:
    """Return what `collect` would do; write nothing in the course."""
    with opened(assignment, paths, settings, watch) as found:
        return [replace(one, content=None) for one in plan(assignment, found, settings)]


def read_loose(
    assignment: Assignment,
    paths: tuple[Path, ...],
    folder: Path,
    settings: Settings = Settings(),
    watch: Watch = _unwatched,
) -> tuple[dict[str, Path], list[Outcome]]:
    """Write each student's newest notebook into a folder, and read nothing of `submitted/`.

    Return the notebooks by student, each `<student>/<assignment>.ipynb` in the folder, and what
    was left out.
    """
    notebooks: dict[str, Path] = {}
    left: list[Outcome] = []
    with opened(assignment, paths, settings, watch) as found:
        for one in found:
            if isinstance(one, Outcome):
                left.append(one)
                continue
            path = folder / one.student / f"{assignment.name}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one.notebook.entry.path, path)
            notebooks[one.student] = path
    return notebooks, left


@contextmanager
def opened(
    assignment: Assignment, paths: tuple[Path, ...], settings: Settings, watch: Watch
) -> Iterator[list[Chosen | Outcome]]:
    """Give the notebook chosen for each student, and what is left out, while contents lie aside."""
    _refuse_submitted(assignment, paths)
    with tempfile.TemporaryDirectory(prefix="autograder-collect-") as folder:
        limits = course_limits(assignment.course)
        store = Store(Path(folder), limits.notebook_mb, settings.max_total)
        claimed: list[Claimed] = []
        found: list[Chosen | Outcome] = []
        for path in paths:
            known = len(store.others)
            download = read_download(path, watch(read_path(path, store), "reading", None))
            download.aside = store.others[known:]
            for one in claim_notebooks(download, assignment.name, settings.reading):
                if isinstance(one, Claimed):
                    claimed.append(one)
                else:
                    found.append(one)
        if not claimed and not found:
            raise AutograderError(
                f"no notebooks in {', '.join(map(str, paths))}: {store.ignored} other files"
            )
        found += choose(claimed, assignment.name)
        yield found


def plan(
    assignment: Assignment, found: list[Chosen | Outcome], settings: Settings
) -> list[Outcome]:
    """Return what to do with each notebook, given what lies in `submitted/`; write nothing."""
    planned = [
        one if isinstance(one, Outcome) else _planned(assignment, one, settings) for one in found
    ]
    return sorted(planned, key=lambda one: (one.student, one.source))


def _planned(assignment: Assignment, chosen: Chosen, settings: Settings) -> Outcome:
    entry = chosen.notebook.entry
    outcome = Outcome(
        Action.PLACED,
        chosen.student,
        chosen.notebook.shown,
        chosen.time,
        "; ".join(chosen.notes),
        content=entry.path,
    )
    try:
        placed = look(assignment, chosen.student)
    except OddPlace as error:
        return replace(outcome, action=Action.LEFT_OUT, reason=str(error))
    if placed.digest is None:
        return outcome
    if placed.digest == entry.digest:
        return replace(outcome, action=Action.UNCHANGED)
    action, reason = _against(placed, chosen, settings.replace)
    reasons = [text for text in (reason, outcome.reason) if text]
    return replace(outcome, action=action, reason="; ".join(reasons))


def _against(placed: Placed, chosen: Chosen, replace_any: bool) -> tuple[Action, str]:
    """Return what to do where another notebook lies, and why."""
    if placed.time is not None and chosen.time is not None and placed.time != chosen.time:
        if chosen.time > placed.time:
            return Action.REPLACED, ""
        if not replace_any:
            return Action.OLDER, "a later one lies in submitted/: --replace takes this one"
        return Action.REPLACED, "older than the one it replaces"
    if replace_any:
        return Action.REPLACED, "no time tells which is later"
    return Action.LEFT_OUT, (
        "another one lies in submitted/ and no time tells which is later: --replace takes this one "
        "and keeps that"
    )


def _carried_out(assignment: Assignment, outcome: Outcome) -> Outcome:
    """Do what was planned for one notebook."""
    if outcome.content is None:
        return outcome
    kept = None
    try:
        if outcome.is_written:
            kept = place(assignment, outcome.student, outcome.content, outcome.time)
        elif outcome.action is Action.UNCHANGED and outcome.time is not None:
            _add_time(assignment, outcome.student, outcome.time)
    except OSError as error:
        raise AutograderError(
            f"{error.filename}: {error.strerror}; run it again when that is mended, nothing is lost"
        ) from None
    return replace(outcome, content=None, kept=kept)


def _add_time(assignment: Assignment, student: str, time: datetime) -> None:
    if look(assignment, student).time is None:
        place_time(assignment, student, time)


def _refuse_submitted(assignment: Assignment, paths: tuple[Path, ...]) -> None:
    submitted = assignment.course.submitted.resolve()
    for path in paths:
        resolved = path.resolve()
        if resolved == submitted or submitted in resolved.parents or resolved in submitted.parents:
            raise AutograderError(
                f"{path} is or holds {submitted}: what lies there is collected already"
            )
