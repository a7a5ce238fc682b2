"""A master runs in JupyterLab as it stands, once its helpers and references are in reach."""

import json
from pathlib import Path

import jupytext
import nbformat
import pytest

from autograder.course.in_jupyter import load_ipython_extension, run_before
from autograder.course.master import read_master
from autograder.course.notebooks import build


class Shell:
    """As much of IPython as the extension knows."""

    def __init__(self):
        self.user_ns, self.magics = {}, {}

    def register_magic_function(self, function, magic_name):
        self.magics[magic_name] = function


@pytest.fixture
def chapter(toy_copy, monkeypatch):
    """Return a function that types `%chapter …` in the folder of the masters, and its namespace."""
    monkeypatch.chdir(toy_copy.master.parent)
    shell = Shell()
    load_ipython_extension(shell)
    return shell.magics["chapter"], shell.user_ns


def run_master(assignment, namespace):
    """Run a master's own cells from the top; return the text of those that are code."""
    cells = jupytext.reads(assignment.master.read_text(), fmt="md").cells
    codes = [cell.source for cell in cells if cell.cell_type == "code"]
    for code in codes:
        exec(code.replace("raise RuntimeError", "print"), namespace)
    return codes


def test_every_cell_of_a_master_runs_and_its_checks_pass(toy_copy, chapter, capsys):
    magic, namespace = chapter
    magic(" toy ")
    assert capsys.readouterr().out == (
        "toy: helpers, data, and the references of square, sum_of_squares, weighted_energy, cube\n"
    )
    assert run_master(toy_copy, namespace)
    out, err = capsys.readouterr()
    assert err == ""
    assert [line for line in out.splitlines() if line[:1] in "✓✗○"] == [
        f"✓ {one.name}: the visible checks pass." for one in read_master(toy_copy).exercises
    ]
    assert Path("numbers.txt").read_text() == "1 2 3\n"


def test_it_writes_nothing(toy_copy, chapter):
    magic, namespace = chapter
    magic("toy")
    run_master(toy_copy, namespace)
    assert build(toy_copy) == []


@pytest.mark.parametrize(("typed", "said"), [("", "no assignment ''"), ("joy", "assignments: toy")])
def test_a_chapter_that_is_none_is_told_in_one_line(chapter, capsys, typed, said):
    magic, _ = chapter
    magic(typed)
    out = capsys.readouterr().out
    assert said in out
    assert out.count("\n") == 1


def test_one_that_is_not_built_says_what_to_run(toy_copy):
    toy_copy.source_notebook.unlink()
    assert run_before(toy_copy, {}) == "toy is not built: run `autograder build toy`"


@pytest.mark.slow
def test_in_a_real_kernel(toy_copy, monkeypatch):
    from nbclient import NotebookClient
    from traitlets.config import Config

    monkeypatch.chdir(toy_copy.master.parent)
    typed = ["%load_ext autograder.course.in_jupyter", "%chapter toy", "print(square(3))"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in typed])
    config = Config({"KernelManager": {"transport": "ipc"}})
    ran = NotebookClient(notebook, config=config).execute()
    assert ran.cells[2].outputs[0].text == "9\n", json.dumps(ran.cells)
