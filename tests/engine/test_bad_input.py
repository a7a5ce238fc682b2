"""Bad and odd submissions from end to end: a clear word, nothing lost, and the class goes on."""

import json
import os

import nbformat
import pytest

from autograder.grading.class_run import ClassGrading
from autograder.grading.run import grade_class
from autograder.grading.settings import ClassSettings
from autograder.results.document import read_result
from autograder.results.verdicts import Verdict
from autograder.sandbox.isolation import Isolation
from autograder.submissions.finding import find_submissions

pytestmark = pytest.mark.box

SOLVED = ["square", "sum_of_squares", "weighted_energy", "cube"]


@pytest.fixture
def grade(grader, submit):
    """Return a function that grades a notebook with the given cells (or bytes)."""

    def make(content=None, **cells):
        content = submit(**cells) if content is None else content
        return grader.grade_bytes(content, "student", "toy.ipynb")

    return make


@pytest.fixture
def with_cell(notebook):
    """Return a function that makes a solved notebook with one more cell, first or last."""

    def make(source, first=False, **answers):
        made = notebook(**answers)
        cell = json.loads(json.dumps(made["cells"][-1]))
        cell.update(cell_type="code", source=source, metadata={}, id="added")
        cell.update(outputs=[], execution_count=None)
        made["cells"].insert(0 if first else len(made["cells"]), cell)
        return json.dumps(made).encode()

    return make


def assert_full_marks(result):
    failed = [t for e in result.exercises for t in e.tests if t.verdict is not Verdict.PASSED]
    assert failed == []
    assert (result.score, result.max_score, result.extra_credit) == (9.0, 9.0, 1.0)
    assert result.verdict is Verdict.PASSED
    assert not result.needs_person


def exercise(result, name):
    return next(one for one in result.exercises if one.name == name)


def texts(result):
    """Return all text that the cells brought out."""
    outputs = [output for cell in result.cells for output in cell.outputs]
    return "\n".join(
        str(o.get("text", "")) + str(o.get("evalue", "")) + str(o.get("data", "")) for o in outputs
    )


def test_what_is_no_notebook_gets_nothing_and_a_persons_eye(grade):
    result = grade(b"[]")
    assert (result.score, result.max_score, result.verdict) == (0.0, 9.0, Verdict.MISSING)
    assert result.needs_person
    assert [one.name for one in result.exercises] == SOLVED
    assert result.notes == ["toy.ipynb is JSON but not a notebook: it has no cells"]


def test_nbformat_3_is_graded_as_any_other(grade, submit):
    old = nbformat.convert(nbformat.reads(submit().decode(), as_version=4), 3)
    result = grade(nbformat.v3.writes_json(old).encode())
    assert_full_marks(result)
    assert result.notes == []


def test_the_wrong_kernel_is_no_matter(grade, notebook):
    made = notebook()
    made["metadata"] = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    assert_full_marks(grade(json.dumps(made).encode()))


ODD_BUT_HARMLESS = {
    "input": ("x = input('name? ')", "input() is not available while grading"),
    "time magic": ("%time y = 1 + 1", "Wall time"),
    "timeit cell magic": ("%%timeit -n1 -r1\ny = 1", "per loop"),
    "matplotlib magic": ("%matplotlib inline\nprint('drawn')", "drawn"),
    "unknown magic": ("%no_such_magic", "Line magic function `%no_such_magic` not found"),
    "unknown cell magic": ("%%no_such_magic\nx", "Cell magic `%%no_such_magic` not found"),
    "shell command": ("!no-such-command-here\nprint('went on')", "went on"),
    "top-level await": ("import asyncio\nawait asyncio.sleep(0)\nprint('awaited')", "awaited"),
    "NUL in the source": ("x = 'a\x00b'", "null bytes"),
    "syntax error": ("def broken(:", "invalid syntax"),
    "output flood": ("for _ in range(3): print('x' * 10**6)", "the rest of this cell's output"),
    "error flood": ("raise ValueError('x' * 10**7)", "xxx"),
    "lone surrogate printed": ("print('a\\ud800b')", "a?b"),
    "lone surrogate raised": ("raise ValueError('a\\ud800b')", "a?b"),
    "exit": ("exit()", ""),
    "help": ("len?", ""),
    "not Python": ("This is my answer: it is 3.", "invalid syntax"),
}


@pytest.mark.parametrize("name", ODD_BUT_HARMLESS)
def test_an_odd_cell_costs_nothing_else(grade, with_cell, name):
    source, said = ODD_BUT_HARMLESS[name]
    result = grade(with_cell(source, first=True))
    assert_full_marks(result)
    assert said in texts(result)
    assert len(texts(result)) < 3_000_000
    result.model_dump_json()


def test_rich_outputs_other_than_text_and_png_are_dropped(grade, with_cell):
    source = (
        "from IPython.display import HTML, SVG, Javascript, display, publish_display_data\n"
        "display(HTML('<script>alert(1)</script>'), Javascript('alert(1)'))\n"
        "publish_display_data({'image/png': 'PHNjcmlwdD4=', 'text/html': 'x', 'text/plain': 'p'})\n"
        'display(SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>\'))\n'
        "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()"
    )
    result = grade(with_cell(source))
    data = [o["data"] for o in result.cells[-1].outputs if o["output_type"] == "display_data"]
    assert len(data) == 5
    assert {key for one in data for key in one} == {"text/plain", "image/png"}
    assert sum("image/png" in one for one in data) == 1
    assert "alert" not in json.dumps(data)


def test_a_lone_surrogate_in_an_answers_error_costs_that_answer_only(grade):
    raises = "def square(x):\n    raise ValueError('a\\ud800\\x00b')"
    result = grade(square=raises)
    assert exercise(result, "square").verdict is Verdict.FAILED
    assert "It raised ValueError: a" in exercise(result, "square").tests[0].message
    assert result.score == 7.0
    assert not result.needs_person
    result.model_dump_json().encode()


def test_a_lone_surrogate_in_a_results_name_costs_that_answer_only(grade):
    named = "def square(x):\n    return type('A\\ud800', (), {})()"
    result = grade(square=named)
    assert exercise(result, "square").verdict is Verdict.FAILED
    assert result.score == 7.0
    result.model_dump_json().encode()


def test_a_retyped_and_a_repeated_answer_are_graded(grade, notebook):
    made = notebook()
    cells = {c["metadata"].get("nbgrader", {}).get("grade_id"): c for c in made["cells"]}
    cells["square"].update(cell_type="raw")
    made["cells"].append({**cells["cube"], "id": "again", "source": "print('second cube')"})
    result = grade(json.dumps(made).encode())
    assert_full_marks(result)
    assert len(result.notes) == 2
    assert "second cube" in texts(result)


def test_edited_points_and_invented_grade_cells_earn_nothing(grade, notebook):
    made = notebook(others="stub")
    for cell in made["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("grade"):
            marks["points"] = 1000
            cell["metadata"]["tags"] = ["skip-execution"]
    made["cells"].append({**made["cells"][-1], "id": "z", "source": "1000"})
    made["cells"][-1]["metadata"] = {"nbgrader": {"grade_id": "bonus", "grade": True, "points": 50}}
    result = grade(json.dumps(made).encode())
    assert (result.score, result.max_score, result.extra_credit) == (0.0, 9.0, 0.0)
    said = " ".join(result.notes)
    assert "its 'points' was edited" in said
    assert "'bonus' is not of this notebook" in said
    assert "'skip-execution' is ignored" in said


def test_a_changed_locked_cell_does_not_change_what_is_run(grade, notebook):
    made = notebook()
    for cell in made["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "setup":
            cell["source"] = "raise SystemExit"
    result = grade(json.dumps(made).encode())
    assert_full_marks(result)
    assert result.notes == ["locked cell 'setup' was changed: what was added runs after it"]


WRONG_SQUARE = "def square(x):\n    return 2 * x"


def test_no_error_is_punished_twice(grade):
    result = grade(square=WRONG_SQUARE)
    assert exercise(result, "square").score == 0
    assert exercise(result, "square").misconception == "doubles"
    later = exercise(result, "sum_of_squares")
    assert (later.score, later.verdict, later.stand_ins) == (3.0, Verdict.PASSED, ["square"])


def test_a_missing_answer_is_not_punished_twice(grade):
    result = grade(square="pass")
    assert exercise(result, "square").verdict is Verdict.MISSING
    assert exercise(result, "sum_of_squares").score == 3.0
    assert exercise(result, "sum_of_squares").stand_ins == ["square"]


def test_a_wrong_later_answer_is_wrong_with_the_stand_in_too(grade):
    wrong = "def sum_of_squares(x):\n    return float(square(x).sum()) + 1"
    result = grade(square=WRONG_SQUARE, sum_of_squares=wrong)
    assert exercise(result, "sum_of_squares").score == 0
    assert exercise(result, "sum_of_squares").verdict is Verdict.FAILED


def test_a_right_earlier_answer_is_the_students_own(grade):
    result = grade()
    assert_full_marks(result)
    assert exercise(result, "sum_of_squares").stand_ins == []


def test_a_helper_with_its_own_signature_falls_back_to_the_students_own(grade):
    impure = "def square(x, power=2):\n    y = x**power\n    x[...] = y\n    return x"
    calls = "def sum_of_squares(x):\n    return float(square(x.copy(), power=2).sum())"
    result = grade(square=impure, sum_of_squares=calls)
    assert exercise(result, "square").verdict is Verdict.FAILED
    later = exercise(result, "sum_of_squares")
    assert (later.score, later.verdict, later.stand_ins) == (3.0, Verdict.PASSED, [])


@pytest.fixture
def class_of(copy_toy, tmp_path):
    """Return a function that fills `submitted/` of a copy of the course and grades it."""
    root = tmp_path / "a course"
    assignment = copy_toy(root)

    def run(fill, limits):
        fill(assignment)
        grading = ClassGrading(assignment, ClassSettings(1, Isolation.BOX, limits), root)
        found = find_submissions(assignment, ())
        graded = list(grade_class(grading, found, enter=False))
        results = {one.found.student: read_result(one.result) for one in graded}
        again = {one.found.student: one.is_new for one in grade_class(grading, found, enter=False)}
        return assignment, results, again

    return run


@pytest.mark.slow
def test_a_class_with_every_kind_of_file_is_graded_to_its_end(class_of, submit, grader):
    latin_1 = os.fsdecode(b"Jos\xe9")
    names = ["Zoë O'Brien", 'a "quoted" <b> & $(reboot)', "-rf", latin_1]

    def fill(assignment):
        def folder(student):
            path = assignment.submission(student).parent
            path.mkdir(parents=True)
            return path

        for name in names:
            (folder(name) / "toy.ipynb").write_bytes(submit())
        (assignment.submission(names[0]).parent / "numpy.py").write_text("raise SystemExit")
        (assignment.submission(names[0]).parent / "extra.ipynb").write_text("{")
        with (folder("huge") / "toy.ipynb").open("wb") as file:
            file.truncate(200 * 2**20)
        (folder("linked") / "toy.ipynb").symlink_to(assignment.solutions)
        (folder("misnamed") / "Toy.ipynb").write_bytes(submit())
        (folder("nothing")).joinpath("notes.txt").touch()
        (folder("folder") / "toy.ipynb").mkdir()
        (folder("latin") / "toy.ipynb").write_bytes(b'{"cells": ["\xe9"]}')

    assignment, results, again = class_of(fill, grader.limits)
    for name in names:
        assert_full_marks(results[name])
        written = json.loads(assignment.result(name).read_text())
        assert written["student"] == name.replace("\udce9", "\ufffd")
        assert again[name] is False
    assert "has 200 MiB, 4 MiB are allowed" in results["huge"].notes[0]
    assert results["linked"].notes == ["toy.ipynb is a symbolic link: submit the file itself"]
    assert "but Toy.ipynb: rename it to toy.ipynb" in results["misnamed"].notes[0]
    assert results["nothing"].notes == ["toy.ipynb was not submitted"]
    assert results["folder"].notes == ["toy.ipynb is not a file: submit a notebook"]
    assert "is not a whole notebook" in results["latin"].notes[0]
    assert sum(result.needs_person for result in results.values()) == 6
