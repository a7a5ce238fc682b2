"""A student is forgotten wherever they left anything, and of no other student a byte is touched."""

import fcntl
import os
import shutil
import sqlite3
import stat

import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import notebook_hash

from autograder.course.files import find_course
from autograder.gradebook import forgetting
from autograder.gradebook.ingest import register
from shared.commands import run_forked

# nbgrader's queries flush objects that its session does not know yet.
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

# The one to forget, and others whose ids are much like it.
ONE = "jo"
OTHERS = ["jo-ann", "jo.smith", "jojo", "jo+ann", "mary jo", "ada", "JO", "jo.json"]
SECRET = {student: f"secret of {student}" for student in (ONE, *OTHERS)}
LOG = "2026-11-27 WARNING {} was late\n    and its second line\n"


@pytest.fixture(scope="module")
def class_made(copy_toy, tmp_path_factory):
    """A course in which nine students left something everywhere; a test copies it."""
    toy = copy_toy(tmp_path_factory.mktemp("class") / "course")
    root = toy.course.root
    exchange = root / "exchange"
    toy.course.config.write_text(
        f"{toy.course.config.read_text()}\nc.Exchange.root = {str(exchange)!r}\n"
        f"c.CourseDirectory.db_url = 'sqlite:///{root}/gradebook.db'\n"
    )
    register(toy)
    for student in (ONE, *OTHERS):
        for path in places(root, student):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(SECRET[student] if "secret" in path.name else f"of {student}")
    with Gradebook(f"sqlite:///{root}/gradebook.db", "genai-foundations") as gradebook:
        for student in (ONE, *OTHERS):
            enter(gradebook, student)
    (root / "results" / "nbgrader.log").write_text("".join(map(LOG.format, (ONE, *OTHERS))))
    whole_class = " ".join(f"<td>{student}</td>" for student in (ONE, *OTHERS))
    (root / "reports" / "toy.html").write_text(whole_class)
    (root / "reports" / "course.html").write_text(whole_class.replace("<td>jo</td>", ""))
    (root / "exports" / "toy-csv.csv").write_text("student,score\nada,1\njo,2\n")
    return toy


def places(root, student):
    """Where a student leaves files."""
    for name in ("submitted", "autograded", "feedback"):
        yield root / name / student / "toy" / ("toy.html" if name == "feedback" else "toy.ipynb")
        yield root / name / student / "toy" / "submission_secret.txt"
    yield root / "results" / "toy" / f"{student}.json"
    yield root / "results" / "earlier" / f"{student}.json"
    yield root / "results" / "toy" / ".entered" / "students" / student
    yield root / "reports" / "toy" / f"{student}.html"
    yield root / "collected" / "toy" / student / "20261127T120000Z-0a1b.ipynb"
    yield root / "exports" / "toy-gradescope.results" / student / "results.json"


def in_exchange(root, student):
    course = root / "exchange" / "genai-foundations"
    name = f"{student}+toy+2026-11-27 12:00:00.123456 UTC"
    yield course / "inbound" / f"{name}+c2VjcmV0" / "toy.ipynb"
    yield course / "inbound" / name / "toy.ipynb"
    digest = notebook_hash(secret=SECRET[student], notebook_id="toy")
    yield course / "feedback" / f"{digest}.html"


def enter(gradebook, student):
    gradebook.update_or_create_student(student, email=f"{student.replace(' ', '_')}@example.org")
    gradebook.update_or_create_submission("toy", student)
    notebook = gradebook.find_submission_notebook("toy", "toy", student)
    for grade in notebook.grades:
        grade.manual_score = 1.0
    for comment in notebook.comments:
        comment.manual_comment = f"a comment for {student} alone"
    gradebook.db.commit()


@pytest.fixture
def course(class_made, tmp_path):
    """A copy of the class, with its configuration pointing to itself."""
    root = tmp_path / "copy"
    shutil.copytree(class_made.course.root, root)
    config = root / "nbgrader_config.py"
    config.write_text(config.read_text().replace(str(class_made.course.root), str(root)))
    for student in (ONE, *OTHERS):
        for path in in_exchange(root, student):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"of {student}")
    return find_course(root)


def files(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def rows(root):
    """Every row of a gradebook's every table, as text."""
    with sqlite3.connect(root / "gradebook.db") as database:
        tables = [
            row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return {
            one: {repr(row) for row in database.execute(f"SELECT * FROM {one}")} for one in tables
        }


def forget(course, *words):
    return run_forked(course.root, "autograder", "forget", *words)


@pytest.mark.parametrize("words", [[ONE], [ONE, "--exchange"]])
def test_without_yes_nothing_is_touched_and_all_is_listed(course, words):
    before = files(course.root)
    done = forget(course, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(course.root) == before
    listed = done.stdout.splitlines()
    # Nine of one's own, the gradebook, the log, three in the exchange, two of the class; the last.
    assert len(listed) == 9 + 1 + 1 + 3 + 2 + 1
    assert "would remove: submitted/jo" in listed
    assert "would remove: jo in the gradebook, with 1 submission" in listed
    assert "would remove: lines of results/nbgrader.log" in listed
    assert listed[-1] == "nothing was removed: --yes removes it, and it cannot be undone"


def test_of_others_every_byte_stays(course):
    before, known = files(course.root), rows(course.root)
    done = forget(course, ONE, "--yes", "--exchange")
    assert (done.returncode, done.stderr) == (0, "")
    own = {path for make in (places, in_exchange) for path in make(course.root, ONE)}
    left = files(course.root)
    changed = {course.root / "gradebook.db", course.root / "results" / "nbgrader.log"}
    locks = {path for path in left if path.name == ".lock"}
    assert left.keys() - locks == before.keys() - own
    assert {path for path in left.keys() - locks if left[path] != before[path]} == changed
    gone = {name: known[name] - now for name, now in rows(course.root).items()}
    assert all(now <= known[name] for name, now in rows(course.root).items())
    tables = {"student", "submitted_assignment", "submitted_notebook", "grade", "comment"}
    assert {name for name, lost in gone.items() if lost} == tables
    assert len(gone["student"]) == len(gone["submitted_assignment"]) == 1


def test_nothing_names_the_student_but_what_is_to_be_made_again(course):
    done = forget(course, ONE, "--yes", "--exchange")
    said = [line for line in done.stdout.splitlines() if not line.startswith("removed: ")]
    assert said == [
        "names jo beside others, so make it again, or remove it: exports/toy-csv.csv",
        "names jo beside others, so make it again by `autograder report toy`: reports/toy.html",
    ]
    again = forget(course, ONE)
    assert (again.returncode, again.stdout.splitlines()) == (0, said)
    for name in ("exports/toy-csv.csv", "reports/toy.html"):
        (course.root / name).unlink()
    assert forget(course, ONE).returncode == 2


def test_what_was_deleted_is_not_in_the_gradebooks_file(course):
    needle = b"a comment for jo alone"
    path = course.root / "gradebook.db"
    assert needle in path.read_bytes()
    forget(course, ONE, "--yes")
    assert needle not in path.read_bytes()
    assert b"a comment for jo-ann alone" in path.read_bytes()


def test_the_log_loses_the_lines_that_name_the_student_and_no_others(course):
    forget(course, ONE, "--yes")
    log = (course.root / "results" / "nbgrader.log").read_text()
    assert log == "    and its second line\n" + "".join(map(LOG.format, OTHERS))


def test_the_exchange_is_only_told_unless_asked_for(course):
    theirs = list(in_exchange(course.root, ONE))
    done = forget(course, ONE, "--yes")
    assert all(path.is_file() for path in theirs)
    assert done.stdout.count("left in the exchange (--exchange removes it): ") == 3
    # What was submitted says who it was; the feedback's own name can no longer be worked out.
    assert forget(course, ONE, "--yes", "--exchange").stdout.count("removed: ") == 2


@pytest.mark.parametrize("student", OTHERS)
def test_each_of_the_others_can_be_forgotten_instead(course, student):
    own = {path for make in (places, in_exchange) for path in make(course.root, student)}
    before = files(course.root).keys()
    done = forget(course, student, "--yes", "--exchange")
    assert done.returncode == 0, done.stderr
    assert before - files(course.root).keys() == own


@pytest.mark.parametrize(
    ("student", "said"),
    [
        *(
            (name, "is no student's id")
            for name in ("..", ".", "", "a/b", "../course", "/", "a\\b")
        ),
        *((name, "no student") for name in ("j", "o", "jo*", "jo ", "[j]o", "toy", "nobody")),
        ("x" * 300, "is no student's id"),
    ],
)
def test_who_is_no_student_is_one_line_and_nothing_is_touched(course, student, said):
    before = files(course.root)
    done = forget(course, "--yes", "--exchange", "--", student)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert files(course.root) == before


def test_a_link_in_place_of_a_folder_is_removed_and_not_followed(course, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").write_text("mine")
    shutil.rmtree(course.submitted / ONE)
    (course.submitted / ONE).symlink_to(elsewhere)
    forget(course, ONE, "--yes")
    assert not (course.submitted / ONE).is_symlink()
    assert (elsewhere / "kept.txt").read_text() == "mine"


def test_while_the_class_is_graded_it_is_refused(course):
    before = files(course.root)
    path = course.root / "results" / "toy" / ".lock"
    with path.open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        done = forget(course, ONE, "--yes")
    assert done.returncode == 2
    assert "another `autograder grade toy` is running" in done.stderr
    path.unlink()
    (course.root / "results" / "earlier" / ".lock").unlink()
    assert files(course.root) == before


def test_a_gradebook_that_cannot_be_used_loses_nothing(course):
    (course.root / "gradebook.db").write_bytes(b"no database at all, but some text" * 100)
    before = files(course.root)
    done = forget(course, ONE, "--yes")
    assert done.returncode == 2
    assert "cannot be used" in done.stderr
    assert files(course.root) == before


def test_a_course_without_a_gradebook(course):
    (course.root / "gradebook.db").unlink()
    done = forget(course, ONE, "--yes")
    assert done.returncode == 0
    assert "gradebook" not in done.stdout
    assert not (course.root / "gradebook.db").exists()


def test_where_something_cannot_be_removed_the_rest_is_and_it_is_told(course, monkeypatch):
    really = forgetting.shutil.rmtree

    def refuse(path, *rest):
        if path.parent.name == "autograded":
            raise PermissionError(13, "Permission denied", str(path))
        really(path, *rest)

    monkeypatch.setattr(forgetting.shutil, "rmtree", refuse)
    done = forget(course, ONE, "--yes")
    assert done.returncode == 2
    assert (
        f"not all of jo is removed: {course.root}/autograded/jo: Permission denied" in done.stderr
    )
    assert not (course.submitted / ONE).exists()
    monkeypatch.undo()
    assert forget(course, ONE, "--yes").returncode == 0
    assert not (course.root / "autograded" / ONE).exists()


def test_a_log_stays_its_owners(course):
    log = course.root / "results" / "nbgrader.log"
    log.chmod(0o600)
    forget(course, ONE, "--yes")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.stat().st_uid == os.getuid()
