"""A gradebook in PostgreSQL: the same grades as in SQLite, and a server that fails."""

import multiprocessing
import os
import shutil
import socket

import pytest
import sqlalchemy
from click.testing import CliRunner
from nbgrader.api import Gradebook

from autograder.cli import main
from autograder.course.configuration import course_config
from autograder.errors import GradebookError
from autograder.gradebook import database
from autograder.gradebook.ingest import Ingest, register
from autograder.results.document import read_results, write_result
from autograder.results.verdicts import Verdict
from shared.commands import run_fresh

pytestmark = [
    pytest.mark.box,
    pytest.mark.slow,
    # nbgrader_commands ignores it where nbgrader is at its cause; pytest sets filters anew.
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]

COURSE = "genai-foundations"
# One process for all of them: nbgrader takes some seconds to import.
NBGRADER_COMMANDS = """
from nbgrader.apps import NbGraderApp
for arguments in (
    ["autograde", "toy"],
    ["generate_feedback", "toy"],
    ["export"],
    ["generate_assignment", "toy", "--force"],
):
    NbGraderApp.launch_instance(arguments)
    NbGraderApp.clear_instance()
"""
GENERATED = ("id", "cell_id", "notebook_id", "assignment", "timestamp")


def address_of(assignment):
    return course_config(assignment.course).CourseDirectory.db_url


def enter(assignment):
    """Enter every result of the class, as `autograder grade` does; return what went wrong."""
    register(assignment)
    problems = entering(assignment, read_results(assignment.results))
    return [problem for problem in problems if problem is not None]


def entering(assignment, results):
    """Enter one result after the other; yield what went wrong with each, or None."""
    ingest = Ingest(assignment)
    for result in results:
        yield ingest.enter(result)


def grade(assignment):
    return CliRunner().invoke(main, ["--course", str(assignment.course.root), "grade", "toy"])


def contents(address):
    """Return every grade of the gradebook, and what formgrader and the export ask of it."""
    with Gradebook(address, COURSE) as gradebook:
        grades = {
            (submission.student.id, grade.name): grade.to_dict()
            for submission in gradebook.assignment_submissions("toy")
            for notebook in submission.notebooks
            for grade in notebook.grades
        }
        summaries = {one["student"]: one for one in gradebook.submission_dicts("toy")}
        students = {one["id"]: one for one in gradebook.student_dicts()}
        average = gradebook.average_assignment_score("toy")
    for one in [*grades.values(), *summaries.values()]:
        for name in GENERATED:
            one.pop(name, None)
    return {"grades": grades, "summaries": summaries, "students": students, "average": average}


def students_in(address):
    with Gradebook(address, COURSE) as gradebook:
        return {one.student.id for one in gradebook.assignment_submissions("toy")}


def with_a_fault_of_ours(results):
    """Make eve's first exercise a GRADER_ERROR, and zoe's file one that is no notebook."""
    eve = next(result for result in results if result.student == "eve")
    eve.exercises[0].verdict = Verdict.GRADER_ERROR
    eve.needs_person = True
    emptied = [one.model_copy(update={"tests": []}) for one in eve.exercises]
    zoe = eve.model_copy(update={"student": "zoe", "exercises": emptied, "score": 0.0})
    return [*results, zoe]


def test_both_databases_hold_the_same_grades(server, copied, tmp_path):
    addresses = f"sqlite:///{tmp_path}/grades.db", server.make_database()
    found = []
    for number, address in enumerate(addresses):
        assignment = copied(address, f"course{number}")
        assert register(assignment)
        results = with_a_fault_of_ours(list(read_results(assignment.results)))
        assert list(entering(assignment, results)) == [None] * 4
        with Gradebook(address, COURSE) as gradebook:
            gradebook.find_grade("square-tests", "toy", "toy", "eve").manual_score = 1.5
            gradebook.db.commit()
        assert not register(assignment)
        eve = [result for result in results if result.student == "eve"]
        assert list(entering(assignment, eve)) == [None]
        found.append(contents(address))
    in_sqlite, in_postgresql = found
    assert in_postgresql == in_sqlite
    grades = in_postgresql["grades"]
    manual = grades["eve", "square-tests"]
    assert (manual["manual_score"], manual["auto_score"]) == (1.5, 0.0)
    assert manual["needs_manual_grade"]
    assert grades["zoe", "square-tests"]["needs_manual_grade"]
    assert not grades["ada", "square-tests"]["needs_manual_grade"]
    assert in_postgresql["summaries"]["ada"]["score"] == 9.0 + 1.0  # Extra credit.


def test_the_commands_of_nbgrader_use_it(in_postgresql):
    root = in_postgresql.course.root
    done = run_fresh(root, "python", "-c", NBGRADER_COMMANDS)
    assert done.returncode == 0, done.stderr
    assert "doubles instead of squaring" in (root / "feedback/eve/toy/toy.html").read_text()
    lines = (root / "grades.csv").read_text().splitlines()
    columns = lines[0].split(",")
    scores = {}
    for line in lines[1:]:
        row = dict(zip(columns, line.split(","), strict=True))
        scores[row["student_id"]] = float(row["score"])
    assert scores == {"ada": 10.0, "bob": 6.0, "eve": 8.0}
    assert not (root / "gradebook.db").exists()


def test_a_restarted_server_is_not_noticed(server, in_postgresql):
    address = address_of(in_postgresql)
    rest = entering(in_postgresql, read_results(in_postgresql.results))
    assert next(rest) is None
    server.stop()
    server.start()
    assert list(rest) == [None, None]
    assert students_in(address) == {"ada", "bob", "eve"}


def test_a_connection_cut_within_a_submission_costs_nothing(server, in_postgresql):
    address = address_of(in_postgresql)
    cut = []

    def cut_once(connection, cursor, statement, *_):
        if not cut and statement.startswith("UPDATE grade"):
            cut.append(cursor.connection.get_backend_pid())
            terminate = f"SELECT pg_terminate_backend({cut[0]})"
            server.run("psql", "-d", "postgres", "-c", terminate)

    engine = database._engine(address, echo=False, future=True)
    sqlalchemy.event.listen(engine, "before_cursor_execute", cut_once)
    assert enter(in_postgresql) == []
    assert cut
    summaries = contents(address)["summaries"]
    assert {name: one["score"] for name, one in summaries.items()} == {
        "ada": 10.0,
        "bob": 6.0,
        "eve": 8.0,
    }


def test_a_stopped_server_stops_the_run_and_the_next_one_goes_on(server, in_postgresql):
    address = address_of(in_postgresql)
    rest = entering(in_postgresql, read_results(in_postgresql.results))
    next(rest)
    server.stop()
    try:
        with pytest.raises(GradebookError, match=r"cannot be used: .*No such file or directory"):
            next(rest)
        done = grade(in_postgresql)
    finally:
        server.start()
    assert done.exit_code == 2
    assert_one_line_without_password(done.output)
    assert students_in(address) < {"ada", "bob", "eve"}
    done = grade(in_postgresql)
    assert done.exit_code == 0, done.output
    assert students_in(address) == {"ada", "bob", "eve"}


def assert_one_line_without_password(output):
    assert output.strip().startswith("autograder: ")
    assert len(output.strip().splitlines()) == 1
    assert not any(word in output for word in ("p@ss", "p%40ss", "w%rd", "w%25rd", "hush"))


def unusable(server, closed_port):
    """Yield addresses that cannot be opened, each with what is said of it."""
    yield server.url("postgres", password="hush"), "password authentication failed"
    yield server.url("missing"), 'database "missing" does not exist'
    yield f"postgresql://grader:hush@127.0.0.1:{closed_port}/grades", "Connection refused"
    yield "postgresql://grader:hush@no-such-host.invalid/grades", "could not translate host name"
    yield "postgresql:/grader:hush@grades", "no SQLAlchemy URL"
    yield "postgre://grader:hush@host/grades", "no database 'postgre'"
    yield "postgresql+pg8000://grader:hush@host/grades", "pip install psycopg2-binary"


@pytest.fixture
def closed_port():
    """A port at which nothing listens, nor can while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_what_cannot_be_opened_is_said_on_one_line(server, copied, closed_port):
    assignment = copied("to be replaced")
    config = assignment.course.config.read_text()
    written = {path: path.stat().st_mtime_ns for path in assignment.results.glob("*.json")}
    for address, said in unusable(server, closed_port):
        assignment.course.config.write_text(config.replace("to be replaced", address))
        done = grade(assignment)
        assert done.exit_code == 2, done.output
        assert said in done.output
        assert_one_line_without_password(done.output)
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_changed_cells_are_told_without_the_password(in_postgresql):
    enter(in_postgresql)
    source = in_postgresql.source_notebook.read_text()
    in_postgresql.source_notebook.write_text(source.replace("cube-tests", "other-tests"))
    release = in_postgresql.release_notebook.read_text()
    in_postgresql.release_notebook.write_text(release.replace("cube-tests", "other-tests"))
    with pytest.raises(Exception, match="its cells are not those in postgresql://") as told:
        register(in_postgresql)
    assert_one_line_without_password(f"autograder: {told.value}\n")


def test_a_refused_student_is_told_of(in_postgresql):
    ada = next(read_results(in_postgresql.results))
    too_long = "x" * 200
    shutil.rmtree(in_postgresql.results)
    write_result(in_postgresql.result(too_long), ada.model_copy(update={"student": too_long}))
    shutil.copytree(
        in_postgresql.course.submitted / "ada", in_postgresql.course.submitted / too_long
    )
    (problem,) = enter(in_postgresql)
    assert problem.startswith(f"{too_long}: not entered in the gradebook")


def test_a_forked_process_leaves_the_connection_alone(in_postgresql):
    ask = sqlalchemy.text("SELECT pg_backend_pid()")

    def connection_of(gradebook):
        with gradebook.engine.connect() as connection:
            return connection.execute(ask).scalar()

    with database.open_gradebook(address_of(in_postgresql), COURSE) as gradebook:
        before = connection_of(gradebook)
        context = multiprocessing.get_context("fork")
        theirs = context.SimpleQueue()

        def child():
            theirs.put(connection_of(gradebook))
            gradebook.close()
            os._exit(0)

        process = context.Process(target=child)
        process.start()
        assert theirs.get() != before
        process.join()
        assert connection_of(gradebook) == before
