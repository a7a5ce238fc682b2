"""A question for a person: what the student sees, and what whoever marks reads, in which order."""

import nbformat
import pytest

from autograder.course.derivations import PROMPT, question_and_task
from autograder.course.made_up import grade_id
from autograder.course.master import CellKind, MasterCell
from autograder.course.nbgrader_release import generate_release
from autograder.course.notebooks import build

SCHEME = "=== BEGIN MARK SCHEME ===\n{}\n=== END MARK SCHEME ==="
BEGIN, END = "\n\n=== BEGIN MARK SCHEME ===\n\n", "\n\n=== END MARK SCHEME ==="


def made_of(source, points=2):
    return question_and_task(MasterCell(CellKind.TASK, source, "why", points))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("1 point: for this.", "**1 point:** for this."),
        ("2 points: a.\n\n½ point: b.", "**2 points:** a.\n\n**½ point:** b."),
        ("Give 1 point: no more.", "Give 1 point: no more."),
        ("\n$x$ counts.\n", "$x$ counts."),
    ],
)
def test_the_scheme_stands_apart_below_the_frame_and_its_points_stand_out(written, shown):
    question, task = made_of(f"Why?\n\n{SCHEME.format(written)}")
    assert question.startswith("Why?\n\n<div ")
    assert "MARK SCHEME" not in question
    frame, scheme = task.split(BEGIN)
    assert frame.endswith("</div>")
    assert scheme == f"**Marking scheme**\n\n{shown}{END}"


def test_what_stands_below_the_scheme_belongs_to_the_question():
    question, task = made_of(f"Why?\n\n{SCHEME.format('1 point: so.')}\n\nAnd why not?")
    assert question.startswith("Why?\n\nAnd why not?\n\n<div ")
    assert "And why not" not in task


def test_without_a_scheme_there_is_the_frame_alone():
    question, task = made_of("Why?")
    assert question.startswith("Why?\n\n<div ")
    assert task.startswith("<div ")
    assert task.endswith("</div>")


@pytest.mark.parametrize(("points", "said"), [(1, "1 point."), (4, "4 points.")])
def test_the_frame_says_who_reads_it_and_what_it_is_worth(points, said):
    question, _ = made_of("Why?", points)
    assert f"A person, your TA or instructor, reads it: {said}" in question


def around_the_answer(notebook):
    (place,) = [number for number, cell in enumerate(notebook.cells) if cell.source == PROMPT]
    return notebook.cells[place - 1 : place + 2]


def test_the_answer_cannot_be_deleted_and_stands_between_question_and_scheme(toy):
    source, release = (
        around_the_answer(nbformat.read(path, as_version=4))
        for path in (toy.source_notebook, toy.release_notebook)
    )
    for question, answer, task in (source, release):
        assert question.source.startswith("Why squares?")
        assert answer.metadata.deletable is False
        assert answer.metadata.get("editable", True)
        assert grade_id(task) == "why_squares"
    assert "Two points for a reason." in source[2].source
    assert "MARK SCHEME" not in release[2].source
    assert release[2].source.rstrip() == source[2].source.split(BEGIN)[0]


def test_nbgrader_makes_a_release_of_a_question_without_a_scheme(toy_copy):
    text = toy_copy.master.read_text()
    begin, end = text.index("=== BEGIN MARK"), text.index("=== END MARK SCHEME ===")
    scheme = text[begin : end + len("=== END MARK SCHEME ===")]
    toy_copy.master.write_text(text.replace(scheme, ""))
    build(toy_copy)
    made = generate_release(toy_copy, toy_copy.source_notebook.read_bytes())
    assert "Here your answer ends." in around_the_answer(made)[2].source
