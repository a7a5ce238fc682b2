"""Experiments of the student's own never cost the time that answers and their tests need."""

import json
import time

import pytest

from autograder.grading.submission import Grader
from autograder.sandbox.host.cell_times import AboutCells, CellTimes, CutOff
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

SHORT = Limits(
    call_wall_s=1, cell_wall_s=3, memory_mb=300, submission_wall_s=12, submission_cpu_s=60
)


@pytest.fixture(scope="module")
def hasty(toy):
    """A grader in whose box a notebook has 12 seconds: 6 for cells of the student's own."""
    with Grader.of(toy, Isolation.BOX, SHORT) as grader:
        yield grader


def grade(hasty, made):
    return hasty.grade_bytes(json.dumps(made).encode(), "bea", "toy.ipynb")


def with_cells(made, sources, index):
    own = [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
        | {"execution_count": None, "id": f"own-{number}"}
        for number, source in enumerate(sources)
    ]
    made["cells"][index:index] = own
    return made


SLOW = "import time\nend = time.process_time() + 2.5\nwhile time.process_time() < end: pass"


@pytest.mark.slow
@pytest.mark.parametrize("index", [3, 10, 18], ids=["above", "between", "below"])
def test_slow_experiments_cost_no_points_and_are_named(hasty, notebook, index):
    result = grade(hasty, with_cells(notebook(), [SLOW] * 6, index))
    assert result.score == result.max_score
    cut_off = [cell.index for cell in result.cells if "Cells of your own" in cell.problem]
    assert cut_off, result.cells
    assert set(cut_off) <= set(range(index, index + 6))
    first, last = cut_off[0] + 1, cut_off[-1] + 1
    which = f"cell {first} is" if first == last else f"cells {first} to {last} are"
    assert result.notes[0].startswith(f"{which} the student's own and took too long")


@pytest.mark.slow
def test_helpers_below_slow_experiments_are_still_there(hasty, notebook):
    helper = "def times(x, y):\n    return x * y"
    made = notebook(cube="def cube(x):\n    return times(times(x, x), x)")
    result = grade(hasty, with_cells(made, [SLOW] * 4 + [helper], 3))
    assert result.score == result.max_score
    assert result.extra_credit > 0


def test_copies_of_demos_do_not_run(hasty, notebook):
    made = notebook()
    demo = next(c for c in made["cells"] if c["metadata"].get("tags") == ["demo"])
    result = grade(hasty, with_cells(made, [demo["source"]] * 4, 18))
    assert result.score == result.max_score
    assert not [cell for cell in result.cells if cell.problem or "RuntimeError" in str(cell)]


ABOUT = AboutCells(ours=frozenset({0}), added=frozenset({1}))


@pytest.mark.parametrize(
    ("left_s", "cell", "added_s", "limit_s"),
    [
        (300, 0, 0, 10),
        (300, 1, 0, 60),
        (300, 2, 0, 60),
        (200, 1, 120, 30),
        (200, 1, 149.5, 1),
        (200, 2, 149.5, 60),
        (100, 2, 149.5, 25),
        (80, 2, 149.5, 10),
        (74, 1, 0, 0),
        (74, 2, 0, 10),
        (74, 0, 0, 10),
        (-1, 2, 0, 0),
        (-1, 0, 0, 0),
    ],
)
def test_how_long_a_cell_may_run(left_s, cell, added_s, limit_s):
    times = CellTimes(Limits(), ABOUT)
    times.begin()
    times.took(1, added_s)
    times.deadline = time.monotonic() + left_s
    assert times.limit_s(cell) == pytest.approx(limit_s, abs=0.01)


def test_another_run_leaves_time_too():
    times = CellTimes(Limits(), ABOUT, deadline=time.monotonic() + 100)
    times.begin()
    assert times.limit_s(1) == pytest.approx(50, abs=0.01)
    assert isinstance(times.timed_out(times.limit_s(1), 1), CutOff)
