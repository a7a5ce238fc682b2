"""Restart and run all: whatever a student wrote, no cell of ours stops it."""

import ast
import signal
import subprocess
import symtable
import sys
import tempfile
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


def run_all(release, answers):
    """Run a notebook with these answers, from its top; return the namespace it leaves."""
    namespace = {"__name__": "__main__"}
    for cell in release.cells:
        if cell.cell_type != "code":
            continue
        source = answers.get(grade_id(cell), cell.source)
        code = compile(source, grade_id(cell), "exec")
        seconds = DEMO_S if DEMO_TAG in cell.metadata.get("tags", []) else 60
        with for_at_most(seconds):
            exec(code, namespace)
    return namespace


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


def main(names, rounds):
    """Run chapters again and again; a cell of ours that raises ends it with a traceback."""
    import matplotlib
    import sympy  # noqa: F401  A demo imports it, and may be interrupted there.

    matplotlib.use("Agg")
    from matplotlib import pyplot

    signal.signal(signal.SIGALRM, interrupt)
    for assignment in map(COURSE.assignment, names):
        release = read_release(assignment)
        # The notebook alone, as it is mailed around: its data do not lie beside it.
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            for answers in sets_of_answers(assignment, rounds):
                run_all(release, answers)
                pyplot.close("all")


@pytest.mark.slow
def test_no_cell_of_ours_raises():
    """`python test_run_all.py 20 a03_vae` tries more of one chapter."""
    ended = subprocess.run(
        [sys.executable, __file__, "2", *NAMES], capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


if __name__ == "__main__":
    main(sys.argv[2:], int(sys.argv[1]))
