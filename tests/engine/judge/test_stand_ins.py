"""An early mistake costs its own exercise only, also where a later one hands a function on."""

from pathlib import Path

import nbformat
import pytest

from autograder.course import find_course
from autograder.judge.grading import Grader
from autograder.submissions.reading import SubmittedCell
from autograder.submissions.rebuilding import rebuild

ROOT = Path(__file__).parents[3]

WRONG_SCORE = """
def energy_score(E, x):
    y = x.detach().clone().requires_grad_()
    return torch.autograd.grad(E(y).sum(), y)[0]
"""
SAMPLE_BY_SCORE = """
def langevin_sample(E, x0, step, n, generator):
    x = x0.clone()
    for _ in range(n):
        z = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        x = x + step * energy_score(E, x) + (2 * step) ** 0.5 * z
    return x
"""


@pytest.mark.box
def test_a_stand_in_is_given_the_functions_that_the_test_gave():
    assignment = find_course(ROOT).assignment("a10_ebm")
    answers = {"energy_score": WRONG_SCORE, "langevin_sample": SAMPLE_BY_SCORE}
    with Grader(assignment) as grader:
        cells = [
            SubmittedCell(cell.cell_type, answers.get(_name(cell), cell.source), _name(cell))
            for cell in nbformat.read(assignment.release_notebook, as_version=4).cells
        ]
        rebuilt = rebuild(cells, grader.release)
        submission = grader.submission_of(rebuilt)
        submission.run_cells()
        both = [one for one in grader.judge.exercises if one.name in answers]
        early, late = grader.exercise_grading(submission, rebuilt, both).grade()
        submission.close()
    assert early.score < early.points
    assert (late.score, late.stand_ins) == (late.points, ["energy_score"])


def _name(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")
