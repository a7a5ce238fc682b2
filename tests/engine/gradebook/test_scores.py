"""Final scores are those that nbgrader itself exports, whoever shows them."""

import csv
import shutil
import uuid
from dataclasses import dataclass, replace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from nbgrader import api
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy import delete, event, insert

from autograder.course.files import Assignment, find_course
from autograder.errors import AutograderError
from autograder.exports.plain import plain_table
from autograder.exports.scores import read_scores
from autograder.gradebook.database import open_gradebook
from autograder.gradebook.ingest import register
from autograder.gradebook.scores import (
    FinalScore,
    GradebookScores,
    Student,
    automatic_score,
    gradebook_scores,
)
from autograder.reports.class_results import ClassResults
from autograder.reports.writing import read_class
from autograder.results.document import Key, SubmissionResult, write_result
from autograder.results.verdicts import Verdict

# nbgrader's own; in a run, nbgrader_commands ignores them.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

COURSE = "genai-foundations"
CELLS = {
    "toy": (
        "square-tests",
        "sum_of_squares-tests",
        "weighted_energy-tests",
        "why_squares",
        "cube-tests",
    ),
    "appendix": ("bonus-tests",),
}
"""By notebook. The toy course has one notebook; nbgrader's assignments can have several."""
MAX_SCORE = 2 + 3 + 4 + 2 + 0 + 5
STUDENTS = [f"student-{number}" for number in range(6)]


@dataclass(frozen=True)
class Mark:
    """What a cell of a submission has; by default a task that nobody has marked yet."""

    auto_score: float | None = None
    manual_score: float | None = None
    extra_credit: float | None = None
    needs_manual_grade: bool = True


@dataclass(frozen=True)
class Handed:
    """A submitted notebook."""

    marks: dict[str, Mark]
    late_submission_penalty: float | None = None


PASSED = Handed({"square-tests": Mark(2, needs_manual_grade=False)})


@dataclass(frozen=True)
class Book:
    """A gradebook of the toy course that can be filled again and again."""

    assignment: Assignment

    @property
    def url(self):
        return f"sqlite:///{self.assignment.course.root / 'gradebook.db'}"

    def fill(self, submissions):
        """Let the gradebook have these students: to each, the notebooks handed in, or None."""
        with open_gradebook(self.url, COURSE) as gradebook:
            database = gradebook.db
            assignment = gradebook.find_assignment("toy")
            for kind in (api.Grade, api.SubmittedNotebook, api.SubmittedAssignment, api.Student):
                database.execute(delete(kind))
            database.execute(insert(api.Student), [{"id": student} for student in submissions])
            for student, notebooks in submissions.items():
                if notebooks is not None:
                    self._submit(database, assignment, student, notebooks)
            database.commit()

    def _submit(self, database, assignment, student, notebooks):
        submitted = uuid.uuid4().hex
        row = {"id": submitted, "assignment_id": assignment.id, "student_id": student}
        database.execute(insert(api.SubmittedAssignment), [row])
        for notebook in assignment.notebooks:
            if notebook.name not in notebooks:
                continue
            handed, own = notebooks[notebook.name], uuid.uuid4().hex
            row = {"id": own, "assignment_id": submitted, "notebook_id": notebook.id}
            row["late_submission_penalty"] = handed.late_submission_penalty
            database.execute(insert(api.SubmittedNotebook), [row])
            cells = [*notebook.grade_cells, *notebook.task_cells]
            rows = [
                {"id": uuid.uuid4().hex, "notebook_id": own, "cell_id": cell.id}
                | vars(handed.marks.get(cell.name, Mark()))
                for cell in cells
            ]
            database.execute(insert(api.Grade), rows)

    def by_nbgrader(self):
        """Return each student's row in the table that nbgrader itself exports."""
        table = self.assignment.course.root / "grades.csv"
        with open_gradebook(self.url, COURSE) as gradebook:
            exporter = CsvExportPlugin()
            exporter.to, exporter.assignment = str(table), ["toy"]
            exporter.export(gradebook)
        with table.open(newline="") as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}

    def by_export(self):
        """Return each student's row in the table of `autograder export --to csv`."""
        header, *rows = plain_table(read_scores(self.assignment))
        return {row[0]: dict(zip(header, row, strict=True)) for row in rows}

    def by_report(self):
        """Return each student's score as `autograder report` has it."""
        results = ClassResults("toy")
        list(read_class(self.assignment, results, with_pages=False))
        return {row.student: row.final for row in results.rows}


@pytest.fixture(scope="module")
def book(toy, tmp_path_factory):
    """The toy course's gradebook, with an appendix, and another assignment full of points."""
    root = tmp_path_factory.mktemp("scores") / "course"
    shutil.copytree(toy.course.root, root)
    book = Book(find_course(root).assignment("toy"))
    register(book.assignment)
    with open_gradebook(book.url, COURSE) as gradebook:
        gradebook.add_notebook("appendix", "toy")
        gradebook.add_grade_cell("bonus-tests", "appendix", "toy", max_score=5, cell_type="code")
        gradebook.add_assignment("other")
        gradebook.add_notebook("other", "other")
        gradebook.add_grade_cell("square-tests", "other", "other", max_score=9, cell_type="code")
    for student in STUDENTS:
        write_result(book.assignment.result(student), result_of(student))
    return book


def result_of(student, **known):
    """Return a result as grading leaves it."""
    key = Key(submission="", assignment="", engine="", settings="")
    known = {"score": 1.0, "max_score": 9.0} | known
    return SubmissionResult(
        assignment="toy",
        student=student,
        verdict=Verdict.PASSED,
        isolation="box",
        key=key,
        **known,
    )


def points(low, high):
    """Points in tenths, which binary fractions do not meet; or none.

    Hypothesis tries integers of 100 and more that it finds in whichever of our modules are loaded.
    Below, its choice is the same whatever ran before.
    """
    return st.none() | st.integers(10 * low, 10 * high).map(lambda tenths: tenths / 10)


MARKS = st.builds(Mark, points(0, 4), points(0, 6), points(-1, 3), st.booleans())
PENALTIES = points(0, 2) | st.sampled_from([9.9, 50.0])
SUBMISSIONS = st.fixed_dictionaries(
    {},
    optional={
        notebook: st.builds(Handed, st.fixed_dictionaries(dict.fromkeys(cells, MARKS)), PENALTIES)
        for notebook, cells in CELLS.items()
    },
)
RANDOM = settings(
    derandomize=True,
    deadline=None,
    # Why an example fails is plain from a small one; to explain it takes Hypothesis a minute.
    phases=(Phase.generate, Phase.shrink),
)
CLASSES = st.builds(
    lambda first, others: dict(zip(STUDENTS, [first, *others], strict=False)),
    SUBMISSIONS,
    st.lists(st.none() | SUBMISSIONS, max_size=len(STUDENTS) - 1),
)


@settings(RANDOM, max_examples=60)
@given(submissions=CLASSES)
def test_report_and_export_say_what_nbgrader_exports(book, submissions):
    book.fill(submissions)
    export, report = book.by_export(), book.by_report()
    theirs = book.by_nbgrader()
    assert export.keys() == theirs.keys() == submissions.keys()
    for student, handed in submissions.items():
        expected, exported = theirs[student], export[student]
        names = ("score", "max_score", "late_submission_penalty")
        numbers = [float(expected[name]) for name in names]
        if handed is None:
            # For nbgrader nothing is 0. For us it is no score: reports have the automatic one.
            assert (exported["score"], numbers[0]) == (None, 0.0)
            assert not report[student].in_gradebook
            continue
        final = report[student]
        assert [final.score, final.max_score, final.late_penalty] == pytest.approx(numbers)
        ours = [exported[name] for name in ("score", "max_score", "late_penalty")]
        assert ours == [final.score, final.max_score, final.late_penalty]
        assert exported["extra_credit"] == final.extra_credit


@settings(RANDOM, max_examples=30)
@given(submissions=CLASSES)
def test_the_parts_add_up(book, submissions):
    book.fill(submissions)
    known = gradebook_scores(book.assignment)
    for student, notebooks in submissions.items():
        if notebooks is None:
            assert student not in known.submissions
            continue
        one = known.submissions[student]
        final = one.final
        of_cells = sum(score for score in one.cells.values() if score is not None)
        assert final.score == pytest.approx(max(0.0, of_cells - final.late_penalty))
        marks = [mark for handed in notebooks.values() for mark in handed.marks.values()]
        automatic = sum(mark.auto_score or 0.0 for mark in marks)
        parts = automatic + final.by_hand + final.extra_credit
        assert parts == pytest.approx(of_cells, abs=1e-9)
        assert one.needs_person == any(mark.needs_manual_grade for mark in marks)


def test_extra_credit_on_a_task_counts_once_it_is_marked(book):
    waits = Mark(extra_credit=2)
    passed = PASSED.marks
    book.fill(
        {
            "student-0": {"toy": Handed(passed | {"why_squares": waits})},
            "student-1": {"toy": Handed(passed | {"why_squares": replace(waits, manual_score=0)})},
        }
    )
    finals = book.by_report()
    before, after = finals["student-0"], finals["student-1"]
    assert (before.score, before.extra_credit) == (2.0, 0.0)
    assert (after.score, after.extra_credit) == (4.0, 2.0)
    cells = [one.cells for one in gradebook_scores(book.assignment).submissions.values()]
    assert [one["why_squares"] for one in cells] == [None, 2.0]


def test_manual_marks_extra_credit_and_penalties_count(book):
    passed = PASSED.marks | {"weighted_energy-tests": Mark(4, needs_manual_grade=False)}
    marked = {
        "square-tests": Mark(1, manual_score=1.5, needs_manual_grade=False),
        "sum_of_squares-tests": Mark(3, extra_credit=2, needs_manual_grade=False),
        "weighted_energy-tests": Mark(0, needs_manual_grade=False),
        "why_squares": Mark(manual_score=1, needs_manual_grade=False),
        "cube-tests": Mark(0, extra_credit=0.5, needs_manual_grade=False),
    }
    book.fill(
        {
            "ada": {"toy": Handed(passed)},
            "amir": {"toy": Handed(marked, 1.5)},
            "ana": {"toy": Handed(marked, 100)},
            "idle": None,
        }
    )
    known = gradebook_scores(book.assignment)
    assert known.final("ada") == FinalScore(6.0, MAX_SCORE, unmarked=3, in_gradebook=True)
    assert known.submissions["ada"].needs_person
    assert known.final("amir") == FinalScore(
        1.5 + 3 + 2 + 1 + 0.5 - 1.5, MAX_SCORE, 2.5, 1.5, by_hand=0.5 + 1, in_gradebook=True
    )
    assert not known.submissions["amir"].needs_person
    assert known.submissions["amir"].cells == {
        "square": 1.5,
        "sum_of_squares": 5.0,
        "weighted_energy": 0.0,
        "why_squares": 1.0,
        "cube": 0.5,
    }
    assert known.final("ana").score == 0.0
    assert known.final("idle") is None
    assert known.submissions.keys() == {"ada", "amir", "ana"}


def test_which_scores_a_person_has_set(book):
    marked = {"square-tests": Mark(2, 0), "why_squares": Mark(None, 1), "cube-tests": Mark(0, None)}
    book.fill({"ada": {"toy": Handed(marked)}, "bob": {"toy": PASSED}, "idle": None})
    known = gradebook_scores(book.assignment)
    assert known.set_by_hand("ada") == {"square", "why_squares"}
    assert known.set_by_hand("bob") == known.set_by_hand("idle") == frozenset()


def test_a_submission_without_its_notebook_is_worth_nothing(book):
    book.fill({"ada": {}, "bob": {"appendix": Handed({"bonus-tests": Mark(5)}, 2)}})
    known = gradebook_scores(book.assignment)
    assert known.final("ada") == FinalScore(0.0, MAX_SCORE, in_gradebook=True)
    assert known.final("bob").score == 3.0
    assert book.by_export()["ada"]["submitted"] == "yes"


def test_penalties_of_all_notebooks_are_taken_off(book):
    appendix = Handed({"bonus-tests": Mark(5)}, 0.75)
    book.fill({"ada": {"toy": replace(PASSED, late_submission_penalty=0.5), "appendix": appendix}})
    final = gradebook_scores(book.assignment).final("ada")
    assert (final.late_penalty, final.score) == (1.25, 5.75)


def test_a_score_does_not_depend_on_the_order_of_rows(book):
    def handed(*numbers):
        cells = dict(zip(CELLS["toy"], numbers, strict=False))
        return {"toy": Handed({name: Mark(number) for name, number in cells.items()})}

    assert (0.1 + 0.2) + 0.3 != (0.3 + 0.2) + 0.1
    book.fill({"ada": handed(0.1, 0.2, 0.3), "bob": handed(0.3, 0.2, 0.1)})
    known = gradebook_scores(book.assignment)
    assert known.final("ada") == known.final("bob")


def test_students_are_all_of_the_course_in_the_order_of_their_ids(book):
    book.fill({"bob": None, "ada": {"toy": PASSED}})
    with open_gradebook(book.url, COURSE) as gradebook:
        fields = {"first_name": "Ada", "last_name": "Lovelace", "lms_user_id": "7"}
        gradebook.update_or_create_student("ada", email="ada@x.org", **fields)
    ada, bob = gradebook_scores(book.assignment).students
    assert ada == Student("ada", "Ada", "Lovelace", "ada@x.org", "7")
    assert (ada.full_name, bob.full_name) == ("Ada Lovelace", "bob")


def test_another_assignment_is_not_counted(book):
    book.fill({"ada": {"toy": PASSED}})
    with open_gradebook(book.url, COURSE) as gradebook:
        gradebook.add_submission("other", "ada")
        gradebook.find_grade("square-tests", "other", "other", "ada").auto_score = 9
        gradebook.db.commit()
    known = gradebook_scores(book.assignment)
    assert (known.final("ada").score, known.max_score) == (2.0, MAX_SCORE)
    assert known.cells == {
        *("square", "sum_of_squares", "weighted_energy", "why_squares", "cube", "bonus")
    }


def test_many_students_need_no_more_queries_than_one(book):
    asked = []

    def count(*arguments):
        asked.append(arguments[2])

    def queries(students):
        book.fill({f"student-{number}": {"toy": PASSED} for number in range(students)})
        asked.clear()
        assert len(gradebook_scores(book.assignment).submissions) == students
        return len(asked)

    with open_gradebook(book.url, COURSE) as gradebook:
        engine = gradebook.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        # A query, and nbgrader's looks at which tables and which course there are.
        assert 4 < queries(1) == queries(50) < 30
    finally:
        event.remove(engine, "before_cursor_execute", count)


def test_the_automatic_score_is_of_the_result_alone():
    result = result_of("ada", score=7.004, max_score=9.0, extra_credit=1.0)
    assert automatic_score(result) == FinalScore(8.0, 9.0, 1.0)


def test_where_there_are_no_points_the_share_is_0():
    assert FinalScore(3.0, 4.0).share == 0.75
    assert FinalScore(0.0, 0.0).share == 0.0


def test_an_assignment_that_the_gradebook_does_not_know(book):
    book.fill({"ada": {"toy": PASSED}})
    unknown = Assignment(book.assignment.course, "unknown")
    assert gradebook_scores(unknown) == GradebookScores()
    with pytest.raises(AutograderError, match="run `autograder grade unknown` first"):
        read_scores(unknown)


def test_without_a_gradebook_none_is_made(toy_copy):
    assert gradebook_scores(toy_copy) == GradebookScores()
    assert not (toy_copy.course.root / "gradebook.db").exists()


def test_a_gradebook_that_cannot_be_read_is_told_in_a_line(toy_copy):
    (toy_copy.course.root / "gradebook.db").write_text("this is no database, " * 100)
    with pytest.raises(AutograderError, match=r"gradebook\.db cannot be used"):
        gradebook_scores(toy_copy)
