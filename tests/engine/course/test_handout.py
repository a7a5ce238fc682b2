"""What students get as a zip: all that they need, nothing of what is not theirs, the same bytes."""

import io
import json
import re
import stat
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.course.handout import pack_handout
from autograder.course.notebooks import build
from shared.commands import run_forked

ROOT = Path(__file__).parents[3]
COURSE = find_course(ROOT)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
SCHEME = re.compile(r"=== BEGIN MARK SCHEME ===\n(.*?)=== END MARK SCHEME ===", re.DOTALL)
IMPORT = re.compile(r"import |from ")
LONG_ENOUGH_TO_TELL = 30


def packed_files(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def texts(name, content):
    """All that a file of a handout says: its bytes, and what they hold once unpacked or parsed."""
    yield content.decode("latin-1")
    if name.endswith(".npz"):
        yield from (part.decode("latin-1") for part in packed_files(content).values())
    else:
        yield content.decode("utf-8")
    if name.endswith(".ipynb"):
        yield "\n".join(strings(json.loads(content)))


def strings(value):
    if isinstance(value, dict):
        yield from (text for pair in value.items() for one in pair for text in strings(one))
    elif isinstance(value, list):
        # A cell's source is a list of its lines.
        yield "".join(value) if all(isinstance(one, str) for one in value) else ""
        yield from (text for one in value for text in strings(one))
    elif isinstance(value, str):
        yield value


def lines_of(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def passages(text):
    """Each line of a text with the one after it: a single line may be any notebook's."""
    lines = lines_of(text)
    pairs = {f"{one}\n{other}" for one, other in pairwise(lines) if not IMPORT.match(one)}
    return {one for one in pairs if len(one) >= LONG_ENOUGH_TO_TELL}


def secret_passages(assignment):
    """What of answers, tests and marking schemes a student's notebook has no reason to say."""
    solutions, master = assignment.solutions.read_text(), assignment.master.read_text()
    secret = [
        *SOLUTION.findall(solutions),
        *SCHEME.findall(master),
        assignment.hidden_tests.read_text(),
        assignment.known_answers.read_text(),
    ]
    setup = assignment.course.notebook_setup.read_text()
    shown = [SOLUTION.sub("", solutions), SCHEME.sub("", master), setup]
    return set().union(*map(passages, secret)) - set().union(*map(passages, shown))


@pytest.fixture(scope="module")
def whole():
    """The files of the whole course's handout, by name."""
    return packed_files(pack_handout(COURSE, COURSE.assignments(), "genai-foundations"))


@pytest.mark.slow
def test_it_holds_each_released_file_and_four_kinds_of_name(whole):
    released = {
        f"genai-foundations/{path.relative_to(ROOT / 'release')}": path.read_bytes()
        for path in (ROOT / "release").rglob("*")
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    }
    beside = {"README.txt", "requirements-student.txt", "environment.yml"}
    assert whole.keys() == released.keys() | {f"genai-foundations/{name}" for name in beside}
    assert {name: whole[name] for name in released} == released


@pytest.fixture(scope="module")
def said(whole):
    """All that the whole handout says, and its passages."""
    found = "\n".join(text for name, content in whole.items() for text in texts(name, content))
    return found, passages(found)


@pytest.mark.slow
@pytest.mark.parametrize("assignment", COURSE.assignments(), ids=lambda one: one.name)
def test_no_byte_of_it_is_an_answer_a_test_or_a_marking_scheme(said, assignment):
    text, said_passages = said
    secret = secret_passages(assignment)
    assert len(secret) > 200
    assert secret & said_passages == set()
    words = ("BEGIN SOLUTION", "BEGIN MARK SCHEME", "BEGIN HIDDEN", assignment.hidden_tests.name)
    assert [word for word in words if word in text] == []


@pytest.mark.parametrize("assignment", COURSE.assignments(), ids=lambda one: one.name)
def test_what_is_looked_for_is_in_the_instructors_notebook(assignment):
    notebook = assignment.source_notebook
    known = "\n".join(texts(notebook.name, notebook.read_bytes()))
    assert len(secret_passages(assignment) & passages(known)) > 20


def test_it_says_nothing_of_where_when_and_by_whom_it_was_made(toy_copy):
    course = toy_copy.course
    content = pack_handout(course, [toy_copy], "course")
    for name, one in packed_files(content).items():
        for text in texts(name, one):
            assert not any(place in text for place in (str(course.root), str(Path.home()) + "/"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.extra, entry.comment, entry.create_system) == (b"", b"", 3)
            assert entry.external_attr >> 16 == stat.S_IFREG | 0o644


def test_the_same_release_gives_the_same_bytes(toy_copy):
    first = pack_handout(toy_copy.course, [toy_copy], "course")
    for path in toy_copy.release_notebook.parent.iterdir():
        path.touch()
    assert pack_handout(toy_copy.course, [toy_copy], "course") == first


def test_what_else_lies_in_the_release_folder_stays_there(toy_copy):
    folder = toy_copy.release_notebook.parent / ".ipynb_checkpoints"
    folder.mkdir()
    (folder / "toy-checkpoint.ipynb").write_text("my own solution")
    assert sorted(packed_files(pack_handout(toy_copy.course, [toy_copy], "c"))) == [
        *("c/README.txt", "c/requirements-student.txt", "c/toy/numbers.txt", "c/toy/toy.ipynb")
    ]


def test_the_command_writes_a_file_that_may_be_given_away(toy_copy):
    done = run_forked(toy_copy.course.root, "autograder", "handout")
    path = toy_copy.course.root / "exports" / "genai-foundations.zip"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"wrote: {path} (1 assignment, ")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0o077 & 0o666 & ~current_umask()
    named = run_forked(toy_copy.course.root, "autograder", "handout", "toy", "toy", "-o", "one.zip")
    assert named.returncode == 0
    names = packed_files((toy_copy.course.root / "one.zip").read_bytes())
    assert "genai-foundations-toy/toy/toy.ipynb" in names


def current_umask():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"Umask:\s*(\d+)", status)[1], 8)


def edit_master(assignment):
    assignment.master.write_text(assignment.master.read_text() + "\nOne more sentence.\n")


def solve_release(assignment):
    assignment.release_notebook.write_bytes(assignment.source_notebook.read_bytes())


def lose_data(assignment):
    (assignment.release_notebook.parent / "numbers.txt").unlink()


def leave_something(assignment):
    (assignment.release_notebook.parent / "notes.txt").write_text("for me")


def lose_course_id(assignment):
    assignment.course.config.write_text("c = get_config(\n")


REFUSED = {
    edit_master: "is stale: run `autograder build`",
    solve_release: "is stale: run `autograder build`",
    lose_data: "numbers.txt is stale",
    leave_something: "notes.txt is stale",
    lose_course_id: "nbgrader_config.py",
}


@pytest.mark.parametrize("harm", REFUSED)
def test_a_release_that_is_not_its_masters_is_refused_on_one_line(toy_copy, harm):
    harm(toy_copy)
    done = run_forked(toy_copy.course.root, "autograder", "handout")
    assert (done.returncode, done.stdout) == (2, "")
    assert REFUSED[harm] in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (toy_copy.course.root / "exports").exists()


def test_a_course_without_an_assignment_is_refused(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    done = run_forked(tmp_path, "autograder", "handout")
    assert done.returncode == 2
    assert "has no assignment to hand out" in done.stderr
    assert not (tmp_path / "exports").exists()


def test_the_read_me_names_what_the_course_has(toy_copy):
    course = toy_copy.course

    def read_me():
        return packed_files(pack_handout(course, [toy_copy], "c"))["c/README.txt"].decode()

    assert "toy/toy.ipynb\n      A small chapter for the engine's own tests\n" in read_me()
    assert not any(word in read_me() for word in ("conda", "download.pytorch.org", "licence"))
    course.student_requirements.write_text("jupyterlab\ntorch>=2\n")
    course.student_environment.write_text("name: c\n")
    course.config.write_text(f"{course.config.read_text()}\nc.Course.license = 'CC-BY-4.0'\n")
    build(toy_copy)
    for said in ("conda activate", "requirements-student.txt --extra-index-url", "CC-BY-4.0"):
        assert said in read_me()


def test_a_release_that_shows_a_hidden_tests_name_is_refused(toy_copy):
    toy_copy.master.write_text(toy_copy.master.read_text() + "\nSee `test_toy.py`.\n")
    build(toy_copy)
    done = run_forked(toy_copy.course.root, "autograder", "handout", "toy")
    assert done.returncode == 2
    assert "contains 'test_toy.py'" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["other"], "no assignment 'other'"),
        (["-o", "kept.txt"], "is there and is no .zip"),
        (["-o", "release"], "is a folder: name a file"),
        (["-o", "kept.txt/new.zip"], "cannot write"),
    ],
)
def test_what_cannot_be_written_is_one_line(toy_copy, words, said):
    (toy_copy.course.root / "kept.txt").write_text("mine")
    done = run_forked(toy_copy.course.root, "autograder", "handout", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert (toy_copy.course.root / "kept.txt").read_text() == "mine"
