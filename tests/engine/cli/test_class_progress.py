"""What a person or a script reads while a class is graded."""

import io
import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from autograder.cli import class_progress as module
from autograder.cli.class_progress import Tally, class_progress
from autograder.grading.tasks import Graded
from autograder.results.verdicts import Verdict
from autograder.submissions.finding import Found


def graded(score=10.0, needs_person=False, is_new=True):
    found = Found("ada", Path("ada.ipynb"), True)
    verdict = Verdict.PASSED if score == 10.0 else Verdict.FAILED
    return Graded(found, Path("ada.json"), score, 10.0, verdict, needs_person, 1.5, is_new)


def test_failing_is_less_than_half_of_the_points():
    tally = Tally(4)
    for score in (10.0, 5.0, 4.9, 0.0):
        tally.count(graded(score))
    assert (tally.done, tally.failing, tally.flagged) == (4, 2, 0)


def test_the_rate_counts_what_is_graded_now_and_the_time_left_what_is_not_done():
    tally = Tally(100, _started=time.monotonic() - 60)
    tally.count(graded(needs_person=True))
    for _ in range(29):
        tally.count(graded())
    for _ in range(10):
        tally.count(graded(is_new=False))
    assert tally.words() == "0 failing, 1 flagged, 30 a minute, 2 min left"


@pytest.mark.parametrize(("total", "is_new"), [(1, True), (2, False)])
def test_nothing_is_said_of_a_time_left_that_is_none_or_unknown(total, is_new):
    tally = Tally(total)
    tally.count(graded(is_new=is_new))
    assert "left" not in tally.words()


def test_where_there_is_no_terminal_lines_are_plain(monkeypatch, capsys):
    monkeypatch.setattr(module, "STDERR", Console(file=io.StringIO()))
    monkeypatch.setattr(module, "_LINE_EVERY_S", 0.0)
    with class_progress(2, as_json=False) as progress:
        progress.graded(graded(2.0))
        progress.entered()
    first, *others = capsys.readouterr().err.splitlines()
    assert first.startswith("1 of 2 done, 1 failing, 0 flagged, ")
    # The last one is said again at the end.
    assert [one.rpartition(", ")[2] for one in others] == ["1 entered in the gradebook"] * 2


def test_a_terminal_shows_bars_with_the_counts(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(module, "STDERR", Console(file=terminal, force_terminal=True, width=120))
    with class_progress(3, as_json=False) as progress:
        progress.graded(graded(needs_person=True))
        progress.entered()
    shown = terminal.getvalue()
    assert "grading" in shown
    assert "1/3" in shown
    assert "1 flagged" in shown
    assert "gradebook" in shown


def test_scripts_get_a_line_of_json_for_each_submission(capsys):
    with class_progress(2, as_json=True) as progress:
        progress.graded(graded(4.0))
        progress.graded(graded(is_new=False))
    one, two = map(json.loads, capsys.readouterr().err.splitlines())
    assert one == {
        "done": 1,
        "total": 2,
        "student": "ada",
        "score": 4.0,
        "max_score": 10.0,
        "verdict": "FAILED",
        "needs_person": False,
        "seconds": 1.5,
        "is_new": True,
    }
    assert (two["done"], two["is_new"]) == (2, False)
