"""Calibration remembers what has not changed, exercise by exercise, and nothing that failed."""

import pytest

from autograder.grading.calibrated import Calibrated
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from shared.commands import run_forked

NAMES = [None, "square", "sum_of_squares", "weighted_energy", "cube"]


def known_of(assignment, limits=None, isolation=Isolation.BOX):
    return Calibrated.read(assignment, limits or Limits(), isolation)


@pytest.fixture
def all_known(toy_copy):
    """A course in which everything has calibrated, with three answers to each exercise."""
    known = known_of(toy_copy)
    for name in known.names():
        known.note(name, 3)
    return toy_copy


def changed(assignment, **settings):
    """Return what is no longer known."""
    known = known_of(assignment, **settings)
    return [name for name in known.names() if not known.answers(name)]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_at_first_nothing_is_known(toy_copy):
    assert changed(toy_copy) == NAMES


def test_what_was_noted_is_known(all_known):
    assert changed(all_known) == []


def test_one_hidden_test_makes_one_exercise_unknown_and_the_notebook_as_a_whole(all_known):
    edit(all_known.hidden_tests, "(-2.0), -8.0", "(-3.0), -27.0")
    assert changed(all_known) == [None, "cube"]


def test_one_known_answer_does_too_and_what_calls_its_exercise(all_known):
    edit(all_known.known_answers, "return 2 * x", "return x + x")
    assert changed(all_known) == [None, "square", "sum_of_squares"]


def test_a_reference_makes_all_unknown(all_known):
    edit(all_known.solutions, "return x**3", "return x * x * x")
    assert changed(all_known) == NAMES


def test_other_settings_make_all_unknown(all_known):
    assert changed(all_known, limits=Limits(call_wall_s=1)) == NAMES
    assert changed(all_known, isolation=Isolation.NONE) == NAMES


def test_what_failed_once_is_tried_again_though_nothing_has_changed(all_known):
    known_of(all_known).note_problem("cube")
    assert changed(all_known) == ["cube"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cube": 3}', b'{"cube": {"answers": 1}}'])
def test_a_damaged_note_is_none(all_known, content):
    path = all_known.course.root / ".autograder" / "calibrated" / "toy.json"
    path.write_bytes(content)
    assert changed(all_known) == NAMES


@pytest.mark.box
@pytest.mark.slow
def test_the_command_tries_what_changed_and_force_tries_all(toy_copy):
    def calibrate(*options):
        done = run_forked(toy_copy.course.root, "autograder", "calibrate", *options)
        return done.returncode, done.stdout.splitlines()[-1]

    status, first = calibrate("toy")
    assert (status, "unchanged" in first) == (0, False)
    count = int(first.split()[0])
    assert calibrate("toy")[1] == (
        f"0 answers calibrated, {count} unchanged since they were, 0 problems"
    )
    edit(toy_copy.hidden_tests, "(-2.0), -8.0", "(-3.0), -27.0")
    again = int(calibrate("toy")[1].split()[0])
    assert 0 < again < count
    assert calibrate("toy", "--force")[1] == first
    edit(toy_copy.hidden_tests, "(-3.0), -27.0", "(-3.0), -26.0")
    for _ in range(2):
        assert calibrate("toy")[0] == 1, "what fails is tried again"
