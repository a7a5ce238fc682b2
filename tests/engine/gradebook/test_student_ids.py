"""Ids that nbgrader's pages would run or its search would take for a pattern are refused."""

import pytest

from autograder.gradebook.student_ids import refuse_active_id

ORDINARY = ["ada", "untidy José's copy", "a.b-c_d@e+1", "数学", "(x), y; z", "%3Cb%3E", "a{{b}}"]


@pytest.mark.parametrize("student", ORDINARY)
def test_an_ordinary_id_is_taken(student):
    assert refuse_active_id(student) is None


@pytest.mark.parametrize(
    "student", ["<b>", "a>b", "&lt;", 'a" onmouseover="x', "*", "a?", "[ab]", "a]"]
)
def test_an_active_id_is_refused_with_what_to_do(student):
    said = refuse_active_id(student)
    assert said.startswith(f"{student}: not entered in the gradebook")
    assert "rename the folder in submitted/" in said
