"""Make up results of a class without grading anything: plausible, and the same for each seed.

A student passes by ability, an exercise has its own difficulty and slope, so that item analysis
has something to find. To look at the reports of 200 students over two assignments:

    python tests/shared/made_up_class.py /tmp/course --students 200
    autograder --course /tmp/course report a01_pca --course
"""

import argparse
import ast
import base64
import io
import shutil
import zlib
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from autograder.course.files import find_course
from autograder.course.master import read_master
from autograder.course.parts import hidden_test_sentences
from autograder.results.document import (
    CellOutput,
    ExerciseResult,
    Key,
    OwnLine,
    SubmissionResult,
    TestResult,
    write_result,
)
from autograder.results.verdicts import Verdict, worst

GIVEN = "Ada Amir Ana Bo Chidi Dana Emil Femke Grace Hugo Ines Jonas Kofi Lena Mei Noor Olu Priya"
FAMILY = "Abe Berg Castro Diaz Eze Fuchs Garcia Haddad Ito Jansen Kaya Lopez Mori"
MESSAGES = {
    Verdict.CRASHED: "The process ended (an exit, a crash, or a fatal signal).",
    Verdict.OUT_OF_MEMORY: "A call used more than 2048 MiB.",
    Verdict.TIMED_OUT: "A call took longer than 10 s.",
    Verdict.GRADER_ERROR: "A fault of the grader, not yours.",
}
RAISED = "ValueError: operands could not be broadcast together with shapes (5,3) (5,)"


def student_names(count):
    """Return `count` names, each once."""
    names = (f"{given}.{family}".lower() for family in FAMILY.split() for given in GIVEN.split())
    first = [name for name, _ in zip(names, range(count), strict=False)]
    return [*first, *(f"student-{number}" for number in range(len(first), count))]


def misconceptions_of(assignment):
    """Return, by exercise, the names and sentences of its known wrong answers."""
    found = {}
    for node in ast.parse(assignment.known_answers.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef) or "__" not in node.name:
            continue
        exercise, _, name = node.name.partition("__")
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and decorator.func.id == "wrong":
                found.setdefault(exercise, []).append((name, decorator.args[0].value))
    return found


def picture():
    """Return a small picture as a notebook draws it: PNG in base64."""
    figure = Figure(figsize=(3, 2), layout="constrained")
    x = np.linspace(0, 6, 50)
    figure.subplots().plot(x, np.sin(x))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=70, metadata={"Software": None})
    return base64.b64encode(file.getvalue()).decode()


class MadeUpClass:
    """The results of a made-up class in one assignment."""

    def __init__(self, assignment, students, seed=5):
        self.assignment = assignment
        self.rng = np.random.default_rng([seed, zlib.crc32(assignment.name.encode())])
        self.students = student_names(students)
        # The same students over all assignments: their ability does not depend on this one.
        self.ability = np.random.default_rng(seed).normal(size=students)
        self.exercises = read_master(assignment).exercises
        self.tests = hidden_test_sentences(assignment)
        self.wrong = misconceptions_of(assignment)
        self.difficulty = self.rng.normal(-0.7, 0.8, size=len(self.exercises))
        self.png = picture()

    def results(self):
        """Yield each student's result; some students hand in nothing."""
        for student, ability in zip(self.students, self.ability, strict=True):
            luck = self.rng.random()
            if luck > 0.04:
                yield self._unreadable(student) if luck > 0.985 else self._result(student, ability)

    def _result(self, student, ability):
        today = ability + self.rng.normal(0, 0.5)
        stops_at = self.rng.integers(4, 40) if self.rng.random() < 0.3 else 99
        exercises = [
            self._exercise(exercise, place, today, place >= stops_at)
            for place, exercise in enumerate(self.exercises)
        ]
        picture = {"output_type": "display_data", "data": {"text/plain": "", "image/png": self.png}}
        notes = ["a locked cell was changed: it was put back"] if self.rng.random() < 0.08 else []
        return self._total(student, exercises, notes, [CellOutput(index=7, outputs=[picture])])

    def _exercise(self, exercise, place, ability, is_blank):
        rng, tests = self.rng, self.tests[exercise.name]
        strength = 1.6 * (ability - self.difficulty[place])
        ends = rng.random()
        if is_blank or (exercise.optional and rng.random() < 0.5):
            verdicts = [Verdict.MISSING] * len(tests)
        elif ends < 0.02:
            kinds = [Verdict.CRASHED, Verdict.TIMED_OUT, Verdict.OUT_OF_MEMORY]
            verdicts = [kinds[rng.integers(3)]] * len(tests)
        elif ends < 0.022:
            verdicts = [Verdict.GRADER_ERROR, *[Verdict.PASSED] * (len(tests) - 1)]
        else:
            whole = rng.random() < 1 / (1 + np.exp(-strength))
            passes = [whole or rng.random() < 0.4 for _ in tests]
            verdicts = [Verdict.PASSED if passed else Verdict.FAILED for passed in passes]
        verdict = worst(verdicts)
        share = verdicts.count(Verdict.PASSED) / len(verdicts)
        known = self.wrong.get(exercise.name, [])
        named = (None, None)
        if verdict is Verdict.FAILED and known and rng.random() < 0.6:
            named = known[min(int(rng.exponential(0.9)), len(known) - 1)]
        return ExerciseResult(
            name=exercise.name,
            points=exercise.points,
            score=round(exercise.points * share, 2),
            optional=exercise.optional,
            verdict=verdict,
            misconception=named[0],
            misconception_says=named[1],
            seconds=round(float(rng.gamma(2, 0.05)), 3),
            tests=[
                self._test(*test, verdict)
                for test, verdict in zip(tests.items(), verdicts, strict=True)
            ],
        )

    def _test(self, name, sentence, verdict):
        made = TestResult(name=name, sentence=" ".join(sentence.split()), verdict=verdict)
        if verdict in MESSAGES:
            made.message = MESSAGES[verdict]
        elif verdict is Verdict.FAILED:
            made.message, made.hint = (
                "The result is not what it should be.",
                "Try a small case by hand.",
            )
            made.detail = "assert_close: expected SECRET-NUMBER"
            if self.rng.random() < 0.2:
                made.message = RAISED
                made.own_lines = [
                    OwnLine(line=3, function="answer", text="return x - x.mean(axis=1)")
                ]
        elif verdict is Verdict.MISSING:
            made.message = "Not solved yet."
        return made

    def _total(self, student, exercises, notes, cells):
        core = [one for one in exercises if not one.optional]
        score = round(sum(one.score for one in core), 2)
        return SubmissionResult(
            assignment=self.assignment.name,
            student=student,
            score=score,
            max_score=sum(one.points for one in core),
            extra_credit=round(sum(one.score for one in exercises if one.optional), 2),
            verdict=worst([one.verdict for one in core]),
            needs_person=any(one.verdict is Verdict.GRADER_ERROR for one in exercises),
            notes=notes,
            isolation="box",
            seconds=round(float(1.5 + self.rng.gamma(2, 0.8)), 3),
            cells_seconds=1.0,
            peak_memory_mb=round(float(60 + self.rng.gamma(2, 25)), 1),
            key=Key(submission="0", assignment="0", engine="0", settings="0"),
            exercises=exercises,
            cells=cells,
        )

    def _unreadable(self, student):
        exercises = [
            ExerciseResult(
                name=one.name,
                points=one.points,
                score=0,
                optional=one.optional,
                verdict=Verdict.MISSING,
            )
            for one in self.exercises
        ]
        note = f"{self.assignment.name}.ipynb is not JSON, perhaps cut off in transfer"
        result = self._total(student, exercises, [note], [])
        result.needs_person = True
        return result


def write_class(assignment, students, seed=5):
    """Write a made-up class's results where `autograder grade` writes real ones."""
    for result in MadeUpClass(assignment, students, seed).results():
        write_result(assignment.result(result.student), result)


def copy_course(source, folder):
    """Copy what a report needs of a course."""
    for name in ("source", "release", "solutions", "tests/hidden", "tests/answers"):
        shutil.copytree(source / name, folder / name, dirs_exist_ok=True)
    shutil.copy(source / "nbgrader_config.py", folder)
    return find_course(folder)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--assignments", nargs="*", default=["a01_pca", "a03_vae"])
    chosen = parser.parse_args()
    course = copy_course(Path(__file__).parents[2], chosen.folder)
    for name in chosen.assignments:
        write_class(course.assignment(name), chosen.students)


if __name__ == "__main__":
    main()
