"""What a page shows of a student's code: all that people write, and no more than it can colour."""

import time

import nbformat
import pytest
from nbconvert.filters.highlight import Highlight2HTML

from autograder.nbgrader_plugin.shown_code import (
    MAX_CELL_LETTERS,
    MAX_LETTERS,
    bound_shown_code,
    shown_code,
)

ORDINARY = [
    "def square(x):\n    return x**2\n",
    "%%time\nfor i in range(3):\n\n\n    print('a.b.c', i)  # 数学\n",
    "\n\n%timeit square(3)\n!ls\n",
    "text = '''a\n\n  b  c\n'''\nx = [1,\t2]\n" + "y = 1\n" * 2000,
]


@pytest.mark.parametrize("code", ORDINARY)
def test_what_people_write_is_shown_as_it_is(code):
    assert shown_code(code) == code


SLOW = [
    "a.",
    "a.b",
    " \n",
    "\t\n",
    "a \n",
    "\n\n",
    "a   \n",
    " \f",
    "%%html\n<",
    "\\\n",
    "a?",
    "x = 1\n",
]


@pytest.mark.parametrize("pattern", SLOW)
def test_no_cell_keeps_a_page_waiting(pattern):
    colour = Highlight2HTML(pygments_lexer="ipython3")
    colour("x = 1")
    code = shown_code(pattern * (200_000 // len(pattern)))
    began = time.process_time()
    colour(code)
    # As it is written, 20,000 letters of the first take 20 s, of the third minutes.
    assert time.process_time() - began < 5


def test_what_is_left_out_is_told():
    assert shown_code("x" * 1000).endswith("  # … 500 letters more")
    assert shown_code("x = 1\n" * 10_000).endswith("\n# … 10000 letters more, in submitted/")


def test_a_notebook_is_bounded_in_all_and_our_own_cells_are_left_alone():
    theirs = [nbformat.v4.new_code_cell("x = 1\n" * 20_000) for _ in range(100)]
    ours = nbformat.v4.new_code_cell("x = 1\n" * 20_000)
    ours.metadata["nbgrader"] = {"locked": True}
    notebook = nbformat.v4.new_notebook(cells=[*theirs, ours])
    bound_shown_code(notebook)
    shown = [len(cell.source) for cell in notebook.cells[:-1]]
    assert max(shown) < MAX_CELL_LETTERS + 100
    assert sum(shown) < MAX_LETTERS + 100 * 100
    assert notebook.cells[-1].source == "x = 1\n" * 20_000
