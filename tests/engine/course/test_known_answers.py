"""Known answers are read in one way, whether their file is imported or only looked at."""

from pathlib import Path

import pytest

from autograder.answers import as_exercise, exercise_and_name
from autograder.course.files import find_course
from autograder.course.loading import load_known_answers
from autograder.course.parts import hidden_test_sentences, known_answer_sources

COURSE = find_course(Path(__file__).parents[3])
ASSIGNMENTS = {one.name: one for one in COURSE.assignments()}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_what_is_imported_and_what_is_read_are_the_same(name):
    assignment = ASSIGNMENTS[name]
    imported = [(one.exercise, one.source.rstrip()) for one in load_known_answers(assignment)]
    read = [(exercise, source.rstrip()) for exercise, source in known_answer_sources(assignment)]
    assert imported == read
    assert len(imported) > 50


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_each_belongs_to_an_exercise_that_has_hidden_tests(name):
    tested = hidden_test_sentences(ASSIGNMENTS[name])
    assert {one.exercise for one in load_known_answers(ASSIGNMENTS[name])} == set(tested)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        ("kl_standard__no_half", ("kl_standard", "no_half")),
        ("kl__a__b", ("kl", "a__b")),
        ("_helper", None),
        ("__dunder", None),
        ("kl_standard__", None),
        ("kl_standard", None),
    ],
)
def test_the_rule_of_names(function, names):
    assert exercise_and_name(function) == names


def test_the_code_is_what_a_student_would_have_written():
    source = '@wrong("x", caught_by="y")\ndef f__other(x):\n    return f__other(x - 1)\n'
    assert as_exercise(source, "f__other", "f") == "def f(x):\n    return f(x - 1)\n"
