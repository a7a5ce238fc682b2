"""Wherever around a question a student writes the answer, whoever marks it gets it."""

import json

import pytest

from autograder.submissions.derivations import derivations
from autograder.submissions.reading import parse
from autograder.submissions.rebuilding import rebuild

PROOF, PROMPT = "A proof.", "*Your answer:*"


@pytest.fixture
def texts_by_task(notebook, release):
    """Return a function that edits a student's cells, and says what is found in them."""

    def make(edit):
        made = notebook("stub")
        edit(made["cells"])
        whole = rebuild(parse(json.dumps(made).encode(), "toy.ipynb"), release).notebook
        found = derivations(whole, {cell.source for cell in release.cells})
        return {task: [cell.source for cell in cells] for task, cells in found.items()}

    return make


def place_of(cells, text):
    return next(number for number, cell in enumerate(cells) if text in cell["source"])


def written(text):
    return {"cell_type": "markdown", "metadata": {}, "id": "mine", "source": text}


def in_the_answer_cell(cells):
    cells[place_of(cells, PROMPT)]["source"] = PROOF


def above_the_answer_cell(cells):
    cells.insert(place_of(cells, PROMPT), written(PROOF))


def below_the_answer_cell(cells):
    cells.insert(place_of(cells, PROMPT) + 1, written(PROOF))


def in_place_of_it(cells):
    cells[place_of(cells, PROMPT)] = written(PROOF)


def below_the_task(cells):
    cells.insert(place_of(cells, PROMPT) + 2, written(PROOF))


def with_the_task_deleted(cells):
    in_the_answer_cell(cells)
    del cells[place_of(cells, PROOF) + 1]


@pytest.mark.parametrize(
    "edit",
    [
        in_the_answer_cell,
        above_the_answer_cell,
        below_the_answer_cell,
        in_place_of_it,
        below_the_task,
        with_the_task_deleted,
    ],
    ids=lambda edit: edit.__name__,
)
def test_it_is_found(texts_by_task, edit):
    assert texts_by_task(edit) == {"why_squares": [PROOF]}


def test_what_is_typed_into_the_question_is_found_with_it(texts_by_task):
    def edit(cells):
        cells[place_of(cells, "Why squares?")]["source"] += f"\n\n{PROOF}"

    (text,) = texts_by_task(edit)["why_squares"]
    assert text.endswith(PROOF)


@pytest.mark.parametrize("text", ["# Squares", "Why squares?", "## Going further"])
def test_notes_before_and_after_are_none(texts_by_task, text):
    def edit(cells):
        cells.insert(place_of(cells, text), written("my notes"))

    found = texts_by_task(edit)
    assert found == ({"why_squares": ["my notes"]} if text == "## Going further" else {})


def test_nothing_written_is_nothing(texts_by_task):
    assert texts_by_task(lambda cells: None) == {}
