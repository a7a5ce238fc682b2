"""Long code of ours opens folded, and the one line that shows says what it is for."""

from pathlib import Path

import pytest

from autograder.course.checking import check_course
from autograder.course.files import find_course
from autograder.course.made_up import grade_id, read_release
from autograder.course.master import MOST_OPEN_LINES, CellKind, read_master
from autograder.course.notebooks import build, source_notebook

COURSE = find_course(Path(__file__).parents[3])
SAYS = "# Draws squares.\n"


def lines(count):
    return "\n".join(f"line_{number} = {number}" for number in range(count))


def with_block(assignment, opening, source):
    """Put a block of code at a master's end; return the notebook's last cell before the ending."""
    block = f"\n```python{opening}\n{source}\n```\n"
    assignment.master.write_text(assignment.master.read_text() + block)
    cells = source_notebook(read_master(assignment)).cells
    (cell,) = [one for one in cells if one.source == source]
    return cell


@pytest.mark.parametrize("opening", ["", ' tags=["demo"]'])
@pytest.mark.parametrize(
    ("count", "folded"), [(MOST_OPEN_LINES, False), (MOST_OPEN_LINES + 1, True), (60, True)]
)
def test_a_picture_a_demo_or_a_helper_is_folded_where_it_is_long(toy_copy, opening, count, folded):
    cell = with_block(toy_copy, opening, lines(count))
    assert cell.metadata.get("jupyter", {}).get("source_hidden", False) == folded
    assert (cell.metadata.get("cellView") == "form") == folded


def test_what_a_student_reads_is_open():
    for assignment in COURSE.assignments():
        read = {CellKind.CHECK, CellKind.EXERCISE}
        names = {one.name for one in read_master(assignment).cells if one.kind in read}
        opens = {name for one in names for name in (one, f"{one}-tests")} | {"setup"}
        for cell in read_release(assignment).cells:
            if grade_id(cell) in opens:
                assert "jupyter" not in cell.metadata, (assignment.name, grade_id(cell))


@pytest.mark.parametrize(("first", "problems"), [("", 1), (SAYS, 0)])
def test_check_asks_for_the_line_that_shows(toy_copy, first, problems):
    with_block(toy_copy, "", first + lines(MOST_OPEN_LINES + 1))
    build(toy_copy)
    found = [one for one in check_course(toy_copy.course, [toy_copy]) if "folded" in one]
    assert len(found) == problems
    for problem in found:
        assert "the block that begins 'line_0 = 0' opens folded: begin it with a comment" in problem


def test_each_line_that_shows_in_our_chapters_is_a_sentence():
    for assignment in COURSE.assignments():
        for cell in read_master(assignment).cells:
            if cell.is_folded:
                line = cell.source.splitlines()[0]
                assert line.startswith("# "), assignment.name
                assert line.endswith("."), line
                assert len(line) <= 100, line
