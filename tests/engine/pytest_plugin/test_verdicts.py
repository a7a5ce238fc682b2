"""Hidden tests under plain pytest end as they do in grading, whatever answers them."""

import xml.etree.ElementTree as ElementTree

import pytest

from autograder.course.loading import load_known_answers
from shared.commands import run_forked, run_fresh

BROKEN = {
    "square": "def square(x):\n    return 2 * x",
    "sum_of_squares": "def sum_of_squares(x):\n    return square(x).sum()",
    "weighted_energy": "def weighted_energy(x, w):\n    import os\n    os._exit(1)",
    "cube": "raise NotImplementedError()",
}


@pytest.fixture(scope="session")
def run_hidden_tests(tmp_path_factory):
    """Run a course's hidden tests with pytest, as an author would; return what it said of each.

    By exercise and test: the worst verdict of its cases. With it come exit code and output.
    """

    def run(assignment, *options, by=run_forked):
        report = tmp_path_factory.mktemp("report") / "report.xml"
        command = ["pytest", "-q", "-p", "no:cacheprovider", *options]
        command += ["-o", "junit_family=xunit1", f"--junitxml={report}"]
        done = by(assignment.course.root, *command, str(assignment.hidden_tests))
        return _verdicts(report), done

    return run


def _verdicts(report):
    if not report.is_file():
        return {}
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        exercise = case.get("classname").rpartition("Test_")[2]
        test = case.get("name").partition("[")[0]
        for one in case.iter("property"):
            assert one.get("name") == "verdict"
            found.setdefault((exercise, test), []).append(one.get("value"))
    return found


def graded(result):
    """The verdicts that grading came to."""
    return {
        (exercise.name, test.name): str(test.verdict)
        for exercise in result.exercises
        for test in exercise.tests
    }


def test_the_reference_passes_all(toy, run_hidden_tests):
    verdicts, done = run_hidden_tests(toy, by=run_fresh)
    assert done.returncode == 0, done.stdout
    assert {one for cases in verdicts.values() for one in cases} == {"PASSED"}
    assert len(verdicts) >= 4


def test_a_known_answer_fails_what_it_is_caught_by_and_others_are_left_out(toy, run_hidden_tests):
    for known in load_known_answers(toy):
        verdicts, done = run_hidden_tests(toy, "--answers", f"{known.exercise}__{known.name}")
        assert {exercise for exercise, _ in verdicts} == {known.exercise}
        assert (done.returncode == 0) == known.is_right, done.stdout
        if not known.is_right:
            assert "FAILED" in verdicts[known.exercise, known.caught_by]
            assert "what the student reads" in done.stdout


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("broken", ["none", "all", "an earlier one"])
def test_a_notebook_has_the_verdicts_that_grading_gives_it(
    toy, grader, submit, tmp_path, run_hidden_tests, broken
):
    cells = {"none": {}, "all": BROKEN, "an earlier one": {"square": BROKEN["square"]}}[broken]
    notebook = tmp_path / "some.ipynb"
    notebook.write_bytes(submit(**cells))
    expected = graded(grader.grade_bytes(notebook.read_bytes(), "ada", "some.ipynb"))
    verdicts, done = run_hidden_tests(toy, "--answers", str(notebook))
    assert {name: cases[-1] for name, cases in verdicts.items()} == expected, done.stdout


@pytest.mark.slow
def test_one_test_one_worker_and_the_first_failure_are_pytests_own(toy, run_hidden_tests):
    verdicts, _ = run_hidden_tests(toy, "-k", "Test_cube")
    assert {exercise for exercise, _ in verdicts} == {"cube"}
    verdicts, done = run_hidden_tests(toy, "-n", "2", by=run_fresh)
    assert done.returncode == 0
    assert len(verdicts) >= 4
    known = next(one for one in load_known_answers(toy) if not one.is_right)
    _, done = run_hidden_tests(toy, "-x", "--answers", f"{known.exercise}__{known.name}")
    assert "stopping after 1 failures" in done.stdout


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ("square__no_such", "no such known answer and no notebook (.ipynb); known answers are"),
        ("nowhere.ipynb", "nowhere.ipynb was not submitted"),
    ],
)
def test_answers_that_nobody_has_written_are_refused(toy, run_hidden_tests, answers, said):
    _, done = run_hidden_tests(toy, "--answers", answers)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr


def test_what_grading_would_refuse_pytest_refuses(toy_copy, run_hidden_tests):
    text = toy_copy.hidden_tests.read_text()
    first = text.index("    def test_")
    toy_copy.hidden_tests.write_text(f"{text[:first]}    @pytest.mark.skip\n{text[first:]}")
    _, done = run_hidden_tests(toy_copy)
    assert done.returncode != 0
    assert "is marked ['skip']; only `hint` is known" in done.stdout + done.stderr


def test_every_hidden_test_of_the_course_is_collected_with_its_exercise(request):
    """No file of hidden tests is overlooked: the plug-in knows each as an assignment's."""
    from autograder.pytest_plugin import _assignment_of

    root = request.config.rootpath
    files = sorted((root / "tests" / "hidden").glob("test_*.py"))
    assert len(files) == 11
    assert [_assignment_of(path).name for path in files] == [path.stem[5:] for path in files]
