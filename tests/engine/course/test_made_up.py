"""What a made-up student hands in: the release with answers in it, and nothing else changed."""

from autograder.course.demo_class import make_class
from autograder.course.made_up import (
    grade_id,
    hand_in,
    made_up_notebook,
    notebook_bytes,
    read_release,
)
from autograder.submissions.reading import parse


def test_answers_stand_in_the_cells_of_their_names_and_the_rest_is_as_released(toy):
    release = read_release(toy)
    answers = {"square": "def square(x):\n    return x", "cube": None, "no such cell": "1"}
    made = made_up_notebook(release, answers)
    for ours, theirs in zip(read_release(toy).cells, made.cells, strict=True):
        expected = answers["square"] if grade_id(ours) == "square" else ours.source
        assert {**theirs, "source": expected} == theirs == {**ours, "source": expected}
    assert release == read_release(toy)


def test_the_bytes_of_one_are_read_as_those_of_any_student(toy, references):
    cells = parse(notebook_bytes(made_up_notebook(read_release(toy), references)), "toy.ipynb")
    assert {cell.grade_id: cell.source for cell in cells}.items() >= references.items()


def test_what_is_handed_in_lies_where_nbgrader_keeps_it_and_the_same_again_is_left_alone(toy_copy):
    path = hand_in(toy_copy, "ada o'neil", b"1")
    assert path == toy_copy.submission("ada o'neil")
    before = path.stat().st_mtime_ns
    assert hand_in(toy_copy, "ada o'neil", b"1").stat().st_mtime_ns == before
    assert hand_in(toy_copy, "ada o'neil", b"2").read_bytes() == b"2"


def test_the_demos_class_is_the_same_each_time(toy_copy):
    first = {path: path.read_bytes() for path in make_class(toy_copy)}
    for path in first:
        path.unlink()
    assert {path: path.read_bytes() for path in make_class(toy_copy)} == first
    assert len(set(first.values())) > 10
