"""What grading has is told where an error comes of it, and nowhere else."""

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from autograder.grading.what_it_has import packages_here, python_here, what_grading_has
from autograder.results.versions import PACKAGES

STUDENT_GUIDE = Path(__file__).parents[3] / "docs/student.md"

PYTHON = f"Python {sys.version_info.major}.{sys.version_info.minor}"
TOLD = {
    "Its cell stops with SyntaxError: f-string: unmatched '['": f"Grading runs {PYTHON}:",
    "Its cell stops with IndentationError: unexpected indent": f"Grading runs {PYTHON}:",
    "It raised AssertionError: Torch not compiled with CUDA enabled": "Grading has no GPU",
    "It raised RuntimeError: Found no NVIDIA driver on your system.": "Grading has no GPU",
    "It raised RuntimeError: No CUDA GPUs are available": "Grading has no GPU",
    "It raised RuntimeError: Attempting to deserialize object on a cuda device": "Grading has no",
    "It raised RuntimeError: The MPS backend is supported on MacOS 13.0+.": "Grading has no GPU",
    "It raised RuntimeError: PyTorch is not linked with support for mps devices": "Grading has no",
    "It raised URLError: <urlopen error [Errno -3] Temporary failure in name resolution>": (
        "Grading has no network."
    ),
    "It raised ModuleNotFoundError: No module named 'seaborn'": "Grading has matplotlib ",
    "It raised AttributeError: module 'numpy' has no attribute 'trapzoid'": "Grading has numpy ",
    "It raised AttributeError: module 'torch.nn' has no attribute 'RMS'": "Grading has torch ",
    "Its cell stops with ImportError: cannot import name 'override' from 'typing' (/x.py)": (
        f"Grading runs {PYTHON}."
    ),
    "It raised AttributeError: module 'itertools' has no attribute 'batched'": (
        f"Grading runs {PYTHON}."
    ),
}
NOT_TOLD = [
    "",
    "The result is not what it should be.",
    "It raised NameError: name 'math' is not defined",
    "It raised ValueError: mps",
    "It raised AttributeError: module 'mine' has no attribute 'x'",
    "It raised AttributeError: 'Tensor' object has no attribute 'x'",
    "expected shape (3,), got (2,)",
]


@pytest.mark.parametrize("message", TOLD)
def test_what_an_error_comes_of_is_told(message):
    assert what_grading_has(message).startswith(TOLD[message])


@pytest.mark.parametrize("message", NOT_TOLD)
def test_nothing_else_is(message):
    assert what_grading_has(message) == ""


def test_versions_are_those_that_run():
    assert python_here() == PYTHON
    assert all(f"{one} {version(one).partition('+')[0]}" in packages_here() for one in PACKAGES)


def test_the_students_guide_names_them():
    text = " ".join(STUDENT_GUIDE.read_text(encoding="utf-8").split())
    assert f"grading runs {python_here()}" in text
    for name in PACKAGES:
        assert name in text
    for lacking in ("no GPU", "no network"):
        assert lacking in text


@pytest.mark.box
def test_a_student_reads_it(grader, submit):
    answers = {
        "square": "def square(x):\n    return f'{x' if x else 0",
        "cube": "def cube(x):\n    import seaborn",
    }
    result = grader.grade_bytes(submit(**answers), "ada", "toy.ipynb")
    said = {one.name: one.tests[0].message for one in result.exercises}
    assert said["square"].endswith("what only a later one reads is an error there.")
    assert "Grading has matplotlib" in said["cube"]
    assert "Grading" not in said["sum_of_squares"]
