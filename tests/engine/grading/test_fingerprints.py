"""What a result depends on: exercise by exercise where only its own tests or answers changed."""

import pytest

from autograder.errors import CourseError
from autograder.grading.fingerprints import fingerprint
from autograder.results.document import ExerciseResult, SubmissionResult, TestResult
from autograder.results.verdicts import Verdict
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

NAMES = frozenset({"square", "sum_of_squares", "weighted_energy", "cube"})


def key(assignment, content=b"[]", limits=None, isolation=Isolation.BOX):
    return fingerprint(assignment, limits or Limits(), isolation).key(content)


def result(key):
    """A result of that key, whose every exercise passed."""
    tests = [TestResult(name="test_values", sentence="", verdict=Verdict.PASSED)]
    return SubmissionResult(
        assignment="toy",
        student="ada",
        score=0,
        max_score=0,
        verdict=Verdict.PASSED,
        isolation="box",
        key=key,
        exercises=[
            ExerciseResult(name=name, points=1, score=1, verdict=Verdict.PASSED, tests=tests)
            for name in sorted(NAMES)
        ],
    )


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_nothing_is_outdated_where_nothing_changed(toy_copy):
    assert result(key(toy_copy)).outdated_by(key(toy_copy)) == frozenset()


@pytest.mark.parametrize(
    ("file", "old", "new", "outdated"),
    [
        ("hidden_tests", "21.0, 8.75", "21.0, 8.5", {"weighted_energy"}),
        ("hidden_tests", "Mind the half.", "Mind the factor.", {"weighted_energy"}),
        ("hidden_tests", "(-2.0), -8.0", "(-3.0), -27.0", {"cube"}),
        ("hidden_tests", "torch.float64", "torch.float32", NAMES),
        ("hidden_tests", "# noqa: F401", "# noqa: F401, F403", set()),
        ("known_answers", "forgets to square", "adds without squaring", {"sum_of_squares"}),
        ("known_answers", "return 2 * x", "return x + x", {"square"}),
        ("solutions", "return x**3", "return x * x * x", NAMES),
        ("release_notebook", "The first exercise", "The very first exercise", NAMES),
        ("master", "# ", "## ", set()),
    ],
)
def test_what_changed_decides_what_is_graded_again(toy_copy, file, old, new, outdated):
    before = result(key(toy_copy))
    edit(getattr(toy_copy, file), old, new)
    assert before.outdated_by(key(toy_copy)) == outdated


def test_another_submission_data_limits_or_isolation_outdate_all(toy_copy):
    before = result(key(toy_copy))
    assert before.outdated_by(key(toy_copy, content=b"[1]")) == NAMES
    assert before.outdated_by(key(toy_copy, limits=Limits(call_wall_s=1))) == NAMES
    assert before.outdated_by(key(toy_copy, isolation=Isolation.NONE)) == NAMES
    (toy_copy.course.data / "numbers.txt").write_text("4\n")
    assert before.outdated_by(key(toy_copy)) == NAMES


def test_a_missing_file_is_named(toy_copy):
    (toy_copy.course.data / "numbers.txt").unlink()
    with pytest.raises(CourseError, match=r"missing file: create .*numbers\.txt"):
        key(toy_copy)


def test_a_fault_of_ours_is_always_graded_again(toy_copy):
    before = result(key(toy_copy))
    before.exercises[0].verdict = Verdict.GRADER_ERROR
    assert before.outdated_by(key(toy_copy)) == NAMES


def test_a_file_that_was_no_notebook_holds_until_anything_changes(toy_copy):
    before = result(key(toy_copy))
    for exercise in before.exercises:
        exercise.tests = []
    assert before.outdated_by(key(toy_copy)) == frozenset()
    edit(toy_copy.hidden_tests, "21.0, 8.75", "21.0, 8.5")
    assert before.outdated_by(key(toy_copy)) == NAMES
