"""From a master to the notebooks: clear errors, the same bytes every time, and no answers out."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from autograder.course.files import find_course
from autograder.course.functions import BEGIN, END, read_functions, setup_problems
from autograder.course.master import CellKind, read_master
from autograder.course.notebooks import build, render, source_notebook, stale
from autograder.errors import CourseError, EditedByHand

HELPERS = "notebook_setup"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_master_is_read_in_its_order(toy):
    master = read_master(toy)
    assert [exercise.name for exercise in master.exercises] == [
        "square",
        "sum_of_squares",
        "weighted_energy",
        "cube",
    ]
    assert [exercise.points for exercise in master.exercises] == [2, 3, 4, 1]
    assert [exercise.optional for exercise in master.exercises] == [False, False, False, True]
    assert master.minutes == 5
    assert master.data == ["numbers.txt"]
    assert {cell.kind for cell in master.cells} == set(CellKind)


FAULTS = {
    "no header": ("---\ntitle", "title", "toy.md: no YAML header with title, minutes and data"),
    "header no mapping": (
        re.compile(r"---\n.*?\n---\n", re.DOTALL),
        "---\n- a\n---\n",
        "toy.md: the YAML header is not a mapping",
    ),
    "illegal name": (
        'exercise="square"',
        'exercise="Square"',
        "toy.md: exercise 'Square' is not a legal name: use lower case, digits and _",
    ),
    "a path for a name": ('exercise="square"', 'exercise="../square"', "is not a legal name"),
    "no points": ("points=2 minutes", "minutes", "exercise 'square' has no points: write points=3"),
    "zero points": ("points=2 minutes", "points=0 minutes", "exercise 'square' has no points"),
    "points in words": ("points=2 minutes", 'points="two" minutes', "'square' has no points"),
    "points true": ("points=2 minutes", "points=true minutes", "'square' has no points"),
    "task without points": ('task="why_squares" points=2', 'task="why_squares"', "has no points"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_master_is_named_with_its_file(toy_copy, name):
    old, new, said = FAULTS[name]
    text = toy_copy.master.read_text()
    changed = (
        old.sub(new, text, count=1) if isinstance(old, re.Pattern) else text.replace(old, new, 1)
    )
    assert changed != text
    toy_copy.master.write_text(changed)
    with pytest.raises(CourseError) as caught:
        read_master(toy_copy)
    assert said in str(caught.value)
    assert str(toy_copy.master) in str(caught.value)


def test_a_missing_master_is_named(toy_copy):
    toy_copy.master.unlink()
    with pytest.raises(CourseError, match=r"toy\.md: no such master"):
        read_master(toy_copy)


def test_an_unknown_assignment_says_which_there_are(toy_copy):
    with pytest.raises(CourseError, match=r"no assignment 'joy': .* assignments: toy"):
        toy_copy.course.assignment("joy")


def test_an_unknown_exercise_says_which_there_are(toy_copy):
    with pytest.raises(CourseError, match="no exercise 'joy'; exercises: square, sum_of"):
        read_master(toy_copy).exercise("joy")


def test_no_course_says_what_to_do(tmp_path):
    with pytest.raises(CourseError, match="go to the course's folder or name it with --course"):
        find_course(tmp_path)


def test_functions_are_cut_out_whole(toy):
    functions = read_functions(toy)
    assert list(functions) == ["square", "sum_of_squares", "weighted_energy", "cube"]
    for name, source in functions.items():
        assert source.startswith(f"def {name}(")
        assert source.rstrip().endswith(END)
        assert source.count(BEGIN) == 1
        assert '"""' in source


def test_helpers_with_an_underscore_are_no_exercises(toy_copy):
    toy_copy.solutions.write_text(toy_copy.solutions.read_text() + "\n\ndef _helper():\n    pass\n")
    assert "_helper" not in read_functions(toy_copy)


SOLUTION_FAULTS = {
    "missing": ("def cube(", "def _cube(", "cube is missing: every exercise has a reference"),
    "no markers": (BEGIN, "", "square: put its body between one"),
    "no docstring": (
        '"""Return x³ of a number."""',
        "pass",
        "cube has no docstring: it is what the student reads",
    ),
    "extra": ("def cube(", "def extra():\n    pass\n\n\ndef cube(", "extra belongs to no exercise"),
}


@pytest.mark.parametrize("name", SOLUTION_FAULTS)
def test_a_fault_of_the_reference_answers_is_listed(toy_copy, name):
    old, new, said = SOLUTION_FAULTS[name]
    names = [exercise.name for exercise in read_master(toy_copy).exercises]
    assert setup_problems(toy_copy, names) == []
    edit(toy_copy.solutions, old, new)
    assert any(said in problem for problem in setup_problems(toy_copy, names))


def test_missing_and_broken_reference_answers_are_named(toy_copy):
    toy_copy.solutions.write_text("def square(:\n")
    with pytest.raises(CourseError, match=r"toy\.py:1: invalid syntax"):
        read_functions(toy_copy)
    toy_copy.solutions.unlink()
    with pytest.raises(CourseError, match=r"toy has no reference answers; create .*toy\.py"):
        read_functions(toy_copy)


def test_an_exercise_without_a_reference_cannot_be_built(toy_copy):
    edit(toy_copy.solutions, "def cube(", "def _cube(")
    with pytest.raises(CourseError, match="exercise 'cube' has no reference answer"):
        source_notebook(read_master(toy_copy))


def test_a_check_of_no_exercise_cannot_be_built(toy_copy):
    edit(toy_copy.master, 'check="cube"', 'check="cubes"')
    with pytest.raises(CourseError, match="no exercise 'cubes'"):
        source_notebook(read_master(toy_copy))


def test_missing_data_is_named(toy_copy):
    (toy_copy.course.data / "numbers.txt").unlink()
    with pytest.raises(CourseError, match=r"data 'numbers\.txt' is not in"):
        render(toy_copy)


def test_building_twice_changes_nothing_and_stale_notices_every_change(toy_copy):
    assert build(toy_copy) == []
    assert stale(toy_copy) == []
    toy_copy.release_notebook.write_bytes(toy_copy.release_notebook.read_bytes() + b" ")
    orphan = toy_copy.release_notebook.parent / "answers.txt"
    orphan.touch()
    missing = toy_copy.source_notebook.parent / "numbers.txt"
    missing.unlink()
    assert set(stale(toy_copy)) == {toy_copy.release_notebook, orphan, missing}
    with pytest.raises(EditedByHand, match=r"answers\.txt was not written by a build"):
        build(toy_copy)
    assert set(build(toy_copy, force=True)) == {toy_copy.release_notebook, orphan, missing}
    assert stale(toy_copy) == []
    assert not orphan.exists()


def test_a_changed_master_is_stale(toy_copy):
    edit(toy_copy.master, "The first exercise squares.", "The first exercise multiplies.")
    assert set(stale(toy_copy)) == {toy_copy.source_notebook, toy_copy.release_notebook}


def test_the_same_bytes_wherever_and_whenever_it_is_built(toy_copy, toy):
    ours = {path.relative_to(toy_copy.course.root): c for path, c in render(toy_copy).items()}
    first = {path.relative_to(toy.course.root): path.read_bytes() for path in render(toy)}
    assert ours == first


def test_no_answer_is_released(toy):
    text = toy.release_notebook.read_text()
    for secret in (
        "x**2\\n",
        "square(x).sum()",
        "0.5 * (weights",
        "x**3",
        "SOLUTION",
        "MARK SCHEME",
    ):
        assert secret not in text
    assert "Two points for a reason" not in text
    released = nbformat.read(toy.release_notebook, as_version=4)
    stubs = [c for c in released.cells if "raise NotImplementedError()" in c.source]
    assert [cell.metadata.nbgrader.grade_id for cell in stubs] == list(read_functions(toy))
    assert all("# YOUR CODE HERE" in cell.source and '"""' in cell.source for cell in stubs)


def test_the_source_notebook_holds_every_answer(toy):
    cells = nbformat.read(toy.source_notebook, as_version=4).cells
    for name, source in read_functions(toy).items():
        assert any(c.source == source and c.metadata.nbgrader.grade_id == name for c in cells)


def test_names_points_and_locks_are_the_masters(toy):
    cells = nbformat.read(toy.release_notebook, as_version=4).cells
    marks = {
        c.metadata.nbgrader.grade_id: c.metadata.nbgrader for c in cells if "nbgrader" in c.metadata
    }
    assert marks["square-tests"].points == 2
    assert marks["square-tests"].locked
    assert marks["cube-tests"].points == 0
    assert marks["square"].solution
    assert not marks["square"].grade
    assert marks["why_squares"].task
    assert marks["why_squares"].points == 2
    assert marks["setup"].locked
    assert marks["notebook_setup"].locked


def test_a_notebook_ends_with_how_far_one_is_and_how_to_hand_in(toy):
    text, shown = nbformat.read(toy.release_notebook, as_version=4).cells[-2:]
    for said in ("**Validate.**", "**Save**", "*Submit* beside `toy`", "upload `toy.ipynb` itself"):
        assert said in text.source
    assert shown.source == "progress()"
    assert shown.metadata.nbgrader.locked
    assert shown.metadata.tags == ["demo"]


def test_the_helpers_know_the_exercises_and_their_points(toy):
    cells = nbformat.read(toy.release_notebook, as_version=4).cells
    (helpers,) = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == HELPERS]
    namespace = {}
    exec(helpers.source, namespace)
    assert namespace["_exercises"] == {
        "square": (2, False),
        "sum_of_squares": (3, False),
        "weighted_energy": (4, False),
        "cube": (1, True),
    }
    assert namespace["_by_hand"] == {"why_squares": 2}


def test_helpers_of_a_course_may_do_without_progress(toy_copy):
    toy_copy.course.notebook_setup.write_text("def check(exercise): ...\n")
    cells = source_notebook(read_master(toy_copy)).cells
    assert [
        c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == HELPERS
    ] == ["def check(exercise): ..."]
    assert cells[-1].metadata.nbgrader.grade_id == "cube-tests"


def test_the_toys_helpers_are_the_courses(toy):
    ours = find_course(Path(__file__)).notebook_setup.read_text()
    assert toy.course.notebook_setup.read_text() == ours


def test_built_notebooks_are_clean(toy):
    for path in (toy.source_notebook, toy.release_notebook):
        made = json.loads(path.read_text())
        nbformat.validate(made)
        ids = [cell["id"] for cell in made["cells"]]
        assert len(set(ids)) == len(ids)
        assert "lines_to_next_cell" not in path.read_text()
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in made["cells"])


def test_data_travels_with_both_notebooks(toy):
    for folder in (toy.source_notebook.parent, toy.release_notebook.parent):
        assert (folder / "numbers.txt").read_text() == "1 2 3\n"
