"""A built notebook that a person changed is not overwritten; what only tools changed is."""

import json

import nbformat
import pytest
from click.testing import CliRunner

from autograder.cli import main
from autograder.course.nbgrader_release import generate_release
from autograder.course.notebooks import build, stale
from autograder.errors import EditedByHand

SAID = "source/toy/toy.ipynb was changed by hand: "


def run_build(assignment, *options):
    return CliRunner().invoke(main, ["--course", str(assignment.course.root), "build", *options])


def change(path, function):
    notebook = nbformat.read(path, as_version=4)
    function(notebook)
    nbformat.write(notebook, path)


def cell_of(notebook, name):
    (cell,) = [
        one for one in notebook.cells if one.metadata.get("nbgrader", {}).get("grade_id") == name
    ]
    return cell


def add_a_sentence(notebook):
    notebook.cells[5].source += " And more."


def change_an_answer(notebook):
    cell_of(notebook, "square").source = "def square(x):\n    return x * x"


def change_points(notebook):
    cell_of(notebook, "square-tests").metadata.nbgrader.points = 5


def unlock(notebook):
    cell_of(notebook, "square-tests").metadata.nbgrader.locked = False


def add_cells(notebook):
    notebook.cells[2:2] = [nbformat.v4.new_markdown_cell(str(i)) for i in range(7)]


def remove_cells(notebook):
    del notebook.cells[3:5]


def remove_the_first(notebook):
    del notebook.cells[0]


EDITS = {
    add_a_sentence: "cells that build would not write: 6 (markdown)",
    change_an_answer: "cells that build would not write: 7 (square)",
    change_points: "cells that build would not write: 8 (square-tests)",
    unlock: "cells that build would not write: 8 (square-tests)",
    add_cells: "cells that build would not write: 3 (markdown), 4 (markdown), 5 (markdown), "
    "6 (markdown), 7 (markdown), 2 more",
    remove_cells: "cells that are gone: 2",
    remove_the_first: "cells that are gone: 1",
}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_stays_and_is_named(toy_copy, edit):
    change(toy_copy.source_notebook, edit)
    edited = toy_copy.source_notebook.read_bytes()
    ended = run_build(toy_copy)
    assert ended.exit_code == 1
    assert ended.output.splitlines()[0] == SAID + EDITS[edit]
    assert "cp source/toy/toy.ipynb toy_edited.ipynb" in ended.output
    assert "autograder build --force toy" in ended.output
    assert toy_copy.source_notebook.read_bytes() == edited
    assert run_build(toy_copy, "--force").exit_code == 0
    assert stale(toy_copy) == []


def test_nothing_of_the_assignment_is_written_where_one_file_was_changed(toy_copy):
    change(toy_copy.release_notebook, add_a_sentence)
    toy_copy.master.write_text(toy_copy.master.read_text().replace("The first", "The very first"))
    before = toy_copy.source_notebook.read_bytes()
    with pytest.raises(EditedByHand, match=r"^release/toy/toy\.ipynb was changed by hand"):
        build(toy_copy)
    assert toy_copy.source_notebook.read_bytes() == before


@pytest.mark.parametrize("content", ["<<<<<<< HEAD\n{}", "", "[]", '{"cells": 3}'])
def test_what_is_no_notebook_any_more_is_not_lost_either(toy_copy, content):
    toy_copy.release_notebook.write_text(content)
    with pytest.raises(EditedByHand, match="it is no notebook any more"):
        build(toy_copy)
    assert toy_copy.release_notebook.read_text() == content


def run_by_jupyter(notebook):
    notebook.metadata.kernelspec.display_name = "My Python"
    notebook.metadata["widgets"] = {}
    for number, cell in enumerate(notebook.cells):
        cell.metadata["collapsed"] = False
        if cell.cell_type == "code":
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text="hello")]


def marked_by_nbgrader(notebook):
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["checksum"] = "0" * 32
            cell.metadata.nbgrader["schema_version"] = 4
            if "points" in cell.metadata.nbgrader:
                cell.metadata.nbgrader["points"] = float(cell.metadata.nbgrader["points"])


@pytest.mark.parametrize("tool", [run_by_jupyter, marked_by_nbgrader])
@pytest.mark.parametrize("face", ["source_notebook", "release_notebook"])
def test_what_a_tool_keeps_beside_the_cells_is_no_edit(toy_copy, face, tool):
    change(getattr(toy_copy, face), tool)
    assert getattr(toy_copy, face) in stale(toy_copy)
    toy_copy.master.write_text(toy_copy.master.read_text().replace("The first", "The very first"))
    assert getattr(toy_copy, face) in build(toy_copy)


def test_what_generate_makes_of_the_built_source_is_no_edit(toy_copy):
    made = generate_release(toy_copy, toy_copy.source_notebook.read_bytes())
    nbformat.write(made, toy_copy.release_notebook)
    toy_copy.master.write_text(toy_copy.master.read_text().replace("The first", "The very first"))
    assert toy_copy.release_notebook in build(toy_copy)


def test_what_generate_makes_of_a_changed_source_is_one(toy_copy):
    change(toy_copy.source_notebook, add_a_sentence)
    made = generate_release(toy_copy, toy_copy.source_notebook.read_bytes())
    nbformat.write(made, toy_copy.release_notebook)
    with pytest.raises(EditedByHand) as refused:
        build(toy_copy)
    assert [line.split()[0] for line in str(refused.value).splitlines()] == [
        "source/toy/toy.ipynb",
        "release/toy/toy.ipynb",
    ]


def test_one_that_says_nothing_of_its_build_is_written_anew_only_where_it_says_the_same(toy_copy):
    def forget(notebook):
        del notebook.cells[0].metadata["autograder"]

    change(toy_copy.source_notebook, forget)
    assert build(toy_copy) == [toy_copy.source_notebook]
    change(toy_copy.source_notebook, forget)
    toy_copy.master.write_text(toy_copy.master.read_text().replace("The first", "The very first"))
    with pytest.raises(EditedByHand):
        build(toy_copy)


def test_a_file_of_a_persons_is_not_removed_and_old_data_is(toy_copy):
    own = toy_copy.source_notebook.with_name("my_notes.txt")
    own.write_text("mine")
    ended = run_build(toy_copy)
    assert ended.exit_code == 1
    assert "source/toy/my_notes.txt was not written by a build" in ended.output
    assert own.read_text() == "mine"
    own.unlink()
    text = toy_copy.master.read_text()
    toy_copy.master.write_text(text.replace("data: [numbers.txt]", "data: []"))
    run_build(toy_copy)
    assert not toy_copy.source_notebook.with_name("numbers.txt").exists()


def test_other_assignments_are_built_all_the_same(toy_copy):
    second = toy_copy.course.root / "source" / "zwei.md"
    second.write_text(toy_copy.master.read_text())
    solutions = toy_copy.course.root / "solutions" / "zwei.py"
    solutions.write_text(toy_copy.solutions.read_text())
    change(toy_copy.source_notebook, add_a_sentence)
    ended = run_build(toy_copy)
    assert ended.exit_code == 1
    assert "wrote: release/zwei/zwei.ipynb" in ended.output


@pytest.mark.parametrize("face", ["source_notebook", "release_notebook"])
def test_a_built_notebook_says_in_its_first_cell_what_it_is_built_from(toy, face):
    first = json.loads(getattr(toy, face).read_text())["cells"][0]
    assert first["metadata"]["autograder"]["built_from"] == "source/toy.md"
