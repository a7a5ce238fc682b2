"""A new exercise: its skeletons, and the instructor's page followed word for word."""

import re
import shutil
from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.course.skeletons import add_exercise, unfilled
from autograder.errors import CourseError
from shared.commands import run_forked, run_fresh

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "instructor.md"
NAME = "explained_variance"


@pytest.fixture
def one_chapter(tmp_path):
    """A copy of the real course with its first chapter alone."""
    for folder in ("data", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    for face in (
        "source/a01_pca.md",
        "source/notebook_setup.py",
        "solutions/a01_pca.py",
        "tests/hidden/test_a01_pca.py",
        "tests/answers/a01_pca.py",
    ):
        (tmp_path / face).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / face, tmp_path / face)
    return find_course(tmp_path)


def autograder(one_chapter, *words, run=run_fresh):
    return run(one_chapter.root, "autograder", *words)


def section():
    """The page's section on adding an exercise."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index("## Adding an exercise") : text.index("## Configuration")]


def filled_in():
    """Return, by file, the code block that the page gives for it."""
    blocks = re.findall(r"^In `([^`]+)`,.*?^(`{3,})\w+\n(.*?)^\2$", section(), re.M | re.S)
    return {path: block for path, _, block in blocks}


def fill_in(path, block):
    """Put a block in place of the skeleton that `new` wrote."""
    text = path.read_text(encoding="utf-8")
    starts = (f"### Exercise `{NAME}`", f"def {NAME}(", f"class Test_{NAME}", '@wrong("TODO')
    start = min(text.index(one) for one in starts if one in text)
    following = re.search(r"^## ", text[start:], re.M)
    end = start + following.start() if path.suffix == ".md" else len(text)
    path.write_text(text[:start] + block + "\n" + text[end:], encoding="utf-8")


@pytest.mark.box
@pytest.mark.slow
def test_the_instructors_page_adds_an_exercise_word_for_word(one_chapter):
    commands = re.findall(r"^    (autograder .*)$", section(), re.M)
    assert commands[0] == f"autograder new a01_pca {NAME}"
    assert autograder(one_chapter, *commands[0].split()[1:]).returncode == 0
    # The same command as one below, which has a new interpreter.
    asked = autograder(one_chapter, *commands[1].split()[1:], run=run_forked)
    assert asked.returncode == 1
    assert all(f"{face}:" in asked.stdout for face in filled_in())
    assert len(filled_in()) == 4
    for face, block in filled_in().items():
        fill_in(one_chapter.root / face, block)
    for command in commands[2:]:
        run = autograder(one_chapter, *command.split()[1:])
        assert run.returncode == 0, (command, run.stdout, run.stderr)
    assert "7 answers calibrated, 0 problems" in run.stdout


def test_skeletons_of_a_new_assignment_are_complete_and_all_to_be_filled_in(one_chapter):
    written = add_exercise(one_chapter, "b01_made_up", "first_step", optional=False)
    add_exercise(one_chapter, "b01_made_up", "second_step", optional=True)
    assert all(path.is_file() for path in written)
    assignment = one_chapter.assignment("b01_made_up")
    assert 'exercise="second_step" points=2' in assignment.master.read_text()
    for path in written[1:]:
        compile(path.read_text(), str(path), "exec")
        assert any(line.startswith(str(path)) for line in unfilled(assignment))


def test_optional_exercises_go_further(one_chapter):
    add_exercise(one_chapter, "a01_pca", "core_one", optional=False)
    add_exercise(one_chapter, "a01_pca", "optional_one", optional=True)
    text = one_chapter.assignment("a01_pca").master.read_text()
    places = [text.index(f"### Exercise `{name}`") for name in ("core_one", "optional_one")]
    further = text.index("Going further\n")
    assert places[0] < further < places[1] < text.index("## The thread")


REFUSED = {
    ("a01_pca", "center"): "a01_pca has an exercise 'center'",
    ("a01_pca", "two words"): "'two words' is no name",
    ("a01_pca", "class"): "'class' is no name",
    ("../a01", "one"): "'../a01' is no name",
}


@pytest.mark.parametrize("names", REFUSED)
def test_what_cannot_be_a_name_is_refused_and_nothing_written(one_chapter, names):
    before = {path: path.read_bytes() for path in one_chapter.root.rglob("*") if path.is_file()}
    with pytest.raises(CourseError, match=REFUSED[names]):
        add_exercise(one_chapter, *names, optional=False)
    assert {
        path: path.read_bytes() for path in one_chapter.root.rglob("*") if path.is_file()
    } == before
