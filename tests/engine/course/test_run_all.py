"""Restart and run all: whatever a student wrote, no cell of ours stops it."""

import ast
import signal
import subprocess
import symtable
import sys
import tempfile
from collections import Counter
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest

from autograder.course.facts import DEMO_TAG
from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.course.loading import load_known_answers
from autograder.course.made_up import grade_id, read_release

COURSE = find_course(Path(__file__).parents[3])
NAMES = [assignment.name for assignment in COURSE.assignments()]
GUARDS = {"check", "waits_for"}
DEMO_S = 0.1
"""After this long a demo is interrupted: what trains for minutes is tried in its beginning."""


def our_cells(release):
    """Yield the code cells that are not the student's."""
    for cell in release.cells:
        if cell.cell_type == "code" and not cell.metadata.nbgrader.solution:
            yield cell


def is_guarded(statement):
    return isinstance(statement, ast.With) and any(
        isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func) in GUARDS
        for item in statement.items
    )


def bound_in(node):
    return {
        one.id for one in ast.walk(node) if isinstance(one, ast.Name) and type(one.ctx) is ast.Store
    }


def needed_by(node):
    """Return the notebook's names that a statement reads, at once or when it is called."""
    tables = [symtable.symtable(ast.unparse(node), "cell", "exec")]
    names = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        names |= {
            one.get_name()
            for one in table.get_symbols()
            if one.is_referenced() and (one.is_global() or table.get_type() == "module")
        }
    return names


def unguarded(cells, exercises):
    """Return each statement that runs outside a guard and needs what a student wrote.

    Names bound inside a guard need it, too, and so do functions that mention any of these.
    """
    theirs, found = set(exercises), []
    for source in cells:
        for statement in ast.parse(source).body:
            if is_guarded(statement):
                theirs |= bound_in(statement)
            elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
                if needed_by(statement) & theirs:
                    theirs.add(statement.name)
            elif needed_by(statement) & theirs:
                found.append(ast.unparse(statement))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_needs_an_answer_stands_in_a_guard(name):
    assignment = COURSE.assignment(name)
    cells = [cell.source for cell in our_cells(read_release(assignment))]
    assert unguarded(cells, read_functions(assignment)) == []


@pytest.mark.parametrize(
    "cell",
    [
        "square(2)",
        "def four():\n    return square(2)\nfour()",
        "class Four:\n    value = square(2)\nFour()",
        "with check('square'):\n    made = 1\nprint(made)",
        "with waits_for():\n    for made in range(2):\n        pass\nprint(made)",
    ],
)
def test_one_that_does_not_is_found(cell):
    assert unguarded([cell], ["square"])


NONE = "def {name}(*args, **kwargs):\n    return None\n"
ODD = {
    "returns nothing": NONE,
    "leaves": "def {name}(*args, **kwargs):\n    raise SystemExit(1)\n",
    "raises without words": "def {name}(*args, **kwargs):\n    assert False\n",
    "raises what cannot be shown": (
        "def {name}(*args, **kwargs):\n"
        "    class Odd(BaseException):\n"
        "        def __str__(self):\n"
        "            raise ValueError\n"
        "    raise Odd\n"
    ),
    "calls itself": "def {name}(*args, **kwargs):\n    return {name}(*args, **kwargs)\n",
    "is no function": "{name} = 3\n",
    "returns what cannot be shown": (
        "def {name}(*args, **kwargs):\n"
        "    class Odd:\n"
        "        def __repr__(self):\n"
        "            raise ValueError\n"
        "    return Odd()\n"
    ),
    "takes our names": NONE + "sum = max = next = sys = os = dis = plain = 0\n",
}


@contextmanager
def for_at_most(seconds):
    """Interrupt what takes longer, as a student would."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def interrupt(signal_number, frame):
    raise KeyboardInterrupt


def code_cells(release, answers):
    """Yield each code cell's name, its code, and how long it may run, with these answers in it."""
    for cell in release.cells:
        if cell.cell_type == "code":
            name, is_demo = grade_id(cell), DEMO_TAG in cell.metadata.get("tags", [])
            code = compile(answers.get(name, cell.source), name, "exec")
            yield name, code, DEMO_S if is_demo else 60


def run_all(release, answers):
    """Run a notebook with these answers, from its top; return the namespace it leaves."""
    namespace = {"__name__": "__main__"}
    for _, code, seconds in code_cells(release, answers):
        with for_at_most(seconds):
            exec(code, namespace)
    return namespace


def one_by_one(assignment, whole):
    """Try each known wrong answer with the others right; return how many were tried.

    The notebook is run once. Then each wrong answer takes the right one's place, and its check is
    run and one of the cells that need it, in turn; with `whole`, all of them.
    """
    release, right = read_release(assignment), read_functions(assignment)
    whole_run = run_all(release, right)
    needing = {name: [] for name in right}
    for name, code, seconds in code_cells(release, {}):
        if name not in right and name not in ("setup", "notebook_setup"):
            for exercise in whole_run["_needs"](code):
                needing[exercise].append((code, min(seconds, DEMO_S)))
    kept, tried = whole_run.copy(), Counter()
    for known in load_known_answers(assignment):
        if known.is_right:
            continue
        check, *pictures = needing[known.exercise]
        turn = tried[known.exercise] % max(1, len(pictures))
        exec(compile(known.source, known.exercise, "exec"), whole_run)
        for code, seconds in [check, *(pictures if whole else pictures[turn : turn + 1])]:
            with for_at_most(seconds):
                exec(code, whole_run)
        tried[known.exercise] += 1
        whole_run.clear()
        whole_run.update(kept)
    return tried.total()


def sets_of_answers(assignment, rounds):
    """Yield what students with nothing right hand in: odd answers and known wrong ones in turn."""
    names = list(read_functions(assignment))
    wrong = {name: [] for name in names}
    for known in load_known_answers(assignment):
        if not known.is_right:
            wrong[known.exercise].append(known.source)
    odd = list(ODD.values())
    for turn in range(rounds):
        yield {
            name: odd[(place + turn) % len(odd)].format(name=name)
            for place, name in enumerate(names)
        }
        yield {name: known[turn % len(known)] for name, known in wrong.items()}


def prepare():
    """Draw nowhere, and let what takes long be interrupted."""
    import matplotlib
    import sympy  # noqa: F401  A demo imports it, and may be interrupted there.
    import torch

    matplotlib.use("Agg")
    # A first step imports much, and what is interrupted there stays half imported.
    torch.optim.Adam([torch.zeros(1, requires_grad=True)]).step()
    signal.signal(signal.SIGALRM, interrupt)


def main(what, names):
    """Run chapters again and again; a cell of ours that raises ends it with a traceback."""
    prepare()
    from matplotlib import pyplot

    pyplot.rcParams["figure.max_open_warning"] = 0
    # The notebook alone, as it is mailed around: its data do not lie beside it.
    for assignment in map(COURSE.assignment, names):
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            if what in ("each", "whole"):
                print(assignment.name, one_by_one(assignment, what == "whole"), file=sys.stderr)
                continue
            for answers in sets_of_answers(assignment, int(what)):
                run_all(read_release(assignment), answers)
                pyplot.close("all")


def run_here(what, *names):
    """Run this file as a program; return what it said."""
    ended = subprocess.run(
        [sys.executable, __file__, what, *names], capture_output=True, text=True, timeout=600
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stderr


@pytest.mark.slow
def test_no_cell_of_ours_raises():
    """`python test_run_all.py 20 a03_vae` tries more of one chapter."""
    run_here("2", *NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_nor_does_one_with_any_known_wrong_answer(name):
    """`python test_run_all.py whole a03_vae` tries each with every cell that needs it."""
    known = [one for one in load_known_answers(COURSE.assignment(name)) if not one.is_right]
    assert f"{name} {len(known)}" in run_here("each", name)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
