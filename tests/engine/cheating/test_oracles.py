"""Answers that try to learn from the references which stand in for wrong earlier answers."""

import textwrap

import pytest

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box

NOTEBOOK = "/tmp/work/stolen.npy"


def test_what_a_later_exercise_learns_does_not_come_back_to_the_earlier_one(attack):
    attacked = attack(
        square=f"""
        import os
        import numpy as np
        def square(x):
            if os.path.exists("{NOTEBOOK}"):
                return np.load("{NOTEBOOK}")
            return 0 * x
        """,
        sum_of_squares=f"""
        def sum_of_squares(x):
            for points in ([1.0, -2.0, 3.0], [1.5, -2.0]):
                np.save("{NOTEBOOK}", square(np.array(points)))
            return float(square(x).sum())
        """,
        costs=["square"],
    )
    assert attacked.exercise("sum_of_squares").stand_ins == ["square"]
    # A second submission of the same notebook finds nothing of the first.
    assert attacked.verdict("square") is Verdict.FAILED


# `sum_of_squares` fails, having called a stand-in: it will be graded once more, without stand-ins.
# In between `weighted_energy` may ask the reference of `sum_of_squares` whatever it likes.
ASKER = """
    import os, pickle
    def sum_of_squares(x):
        if os.path.exists("/tmp/work/answers"):
            answers = pickle.load(open("/tmp/work/answers", "rb"))
            return answers[x.tobytes()]
        square(x)
        with open("/tmp/work/questions", "ab") as file:
            pickle.dump(x, file)
        return 0.0
"""
THIEF = """
    def weighted_energy(x, weights):
        answers = {}
        with open("/tmp/work/questions", "rb") as file:
            while True:
                try:
                    question = pickle.load(file)
                except EOFError:
                    break
                answers[question.tobytes()] = float(sum_of_squares(question))
        pickle.dump(answers, open("/tmp/work/answers", "wb"))
        return 0.5 * (weights * x**2).sum(dim=1)
"""


def test_an_exercise_graded_once_more_has_learnt_nothing_in_between(attack):
    attacked = attack(
        square="def square(x): return 0 * x",
        sum_of_squares=textwrap.dedent(ASKER),
        weighted_energy=textwrap.dedent(THIEF),
        costs=["square", "sum_of_squares"],
    )
    assert attacked.verdict("sum_of_squares") is Verdict.FAILED


def test_a_pipe_of_the_cells_carries_nothing_to_an_exercise_graded_once_more(attack):
    attacked = attack(
        first="""
        import os, struct
        kept = os.pipe()
        os.set_blocking(kept[0], False)
        """,
        square="def square(x): return 0 * x",
        sum_of_squares="""
        def sum_of_squares(x):
            square(x)
            try:
                return struct.unpack("<d", os.read(kept[0], 8))[0]
            except BlockingIOError:
                return 0.0
        """,
        weighted_energy="""
        def weighted_energy(x, weights):
            answers = [sum_of_squares(np.arange(1.0, n + 1)) for n in (2, 5)]
            os.write(kept[1], struct.pack("<2d", *answers))
            return 0.5 * (weights * x**2).sum(dim=1)
        """,
        costs=["square", "sum_of_squares"],
    )
    assert attacked.verdict("sum_of_squares") is Verdict.FAILED
