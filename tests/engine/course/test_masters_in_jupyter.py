"""A master opened, edited and saved in JupyterLab through jupytext changes where it was edited."""

import difflib
import shutil
from pathlib import Path

import jupytext
import pytest

from autograder.course.files import find_course
from autograder.course.skeletons import add_exercise
from autograder.course.starting import start_course

COURSE = find_course(Path(__file__).parents[3])
TOY = Path(__file__).parents[1] / "toy_course" / "source" / "toy.md"
MASTERS = [*(one.master for one in COURSE.assignments()), TOY]


def saved_by_jupyter(path, edit):
    """Open a master as JupyterLab does, choose a kernel, edit a cell, and save it."""
    manager = jupytext.TextFileContentsManager(root_dir=str(path.parent))
    model = manager.get(path.name, type="notebook", content=True)
    notebook = model["content"]
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
    edit(next(cell for cell in notebook.cells if cell.cell_type == "markdown"))
    manager.save({"type": "notebook", "format": "json", "content": notebook}, path.name)
    return path.read_text()


def changes(before, after):
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[:2] in ("- ", "+ ")]


@pytest.fixture
def word_changed(tmp_path):
    """Return a function that changes one word of a master in JupyterLab; it returns the changes."""

    def make(master):
        copy = shutil.copy(master, tmp_path / "master.md")
        before = Path(copy).read_text()

        def edit(cell):
            cell.source = cell.source.replace("# ", "# New ", 1)

        return changes(before, saved_by_jupyter(Path(copy), edit))

    return make


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
def test_a_changed_word_is_a_changed_line(master, word_changed):
    removed, added = word_changed(master)
    assert added == removed.replace("- # ", "+ # New ", 1)


def test_so_it_is_in_a_new_course_and_with_a_new_exercise(tmp_path, word_changed):
    first = start_course(tmp_path / "mine")
    add_exercise(first.course, first.name, "softer", optional=False)
    add_exercise(first.course, "a02_new", "harder", optional=True)
    for assignment in first.course.assignments():
        assert len(word_changed(assignment.master)) == 2, assignment.name
