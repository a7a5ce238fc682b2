"""The README's table of assignments says what the masters say."""

from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.course.master import read_master

ROOT = Path(__file__).parents[3]
ASSIGNMENTS = find_course(ROOT).assignments()


def row_of(assignment):
    """The first columns of an assignment's row: its exercises with their points, its time."""
    exercises = read_master(assignment).exercises
    core = " ".join(f"`{one.name}` {one.points}" for one in exercises if not one.optional)
    optional = " ".join(f"`{one.name}` {one.points}" for one in exercises if one.optional)
    minutes = sum(one.minutes for one in exercises)
    extra = f" *optional:* {optional}" if optional else ""
    link = f"[`{assignment.name}`](release/{assignment.name}/{assignment.name}.ipynb)"
    return f"| {link} | {core}{extra} | {round(minutes / 60 * 2) / 2:g} h |"


@pytest.mark.parametrize("assignment", ASSIGNMENTS, ids=lambda one: one.name)
def test_the_readme_lists_every_exercise_with_its_points(assignment):
    row = row_of(assignment)
    assert row in (ROOT / "README.md").read_text(encoding="utf-8"), f"put into README.md: {row}"
