"""What the exports for spreadsheets, Canvas and Moodle say of a real gradebook."""

import csv
import io
import shutil

import pytest
from click.testing import CliRunner

from autograder.cli import main

from .conftest import HOSTILE

SAFE = "'" + HOSTILE


def read(text):
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def by_first(text):
    rows = read(text)
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}


def test_csv_has_final_scores_and_their_parts(export):
    rows = by_first(export("--to", "csv", "-o", "-").stdout)
    assert list(rows) == [SAFE, "ada", "bob", "idle"]
    ada = rows["ada"]
    # 9 by tests, 1.5 by hand, 1 of extra credit, 2 off for being late.
    assert (ada["score"], ada["max_score"]) == ("9.5", "11")
    assert (ada["late_penalty"], ada["extra_credit"]) == ("2", "1")
    assert (ada["why_squares"], ada["cube"], ada["needs_person"]) == ("1.5", "1", "no")
    assert (rows["bob"]["square"], rows["bob"]["score"]) == ("0.5", "7.5")
    # Not marked yet is not 0, and nothing submitted is not 0 either.
    assert (rows["bob"]["why_squares"], rows["bob"]["needs_person"]) == ("", "yes")
    assert (rows["idle"]["score"], rows["idle"]["submitted"]) == ("", "no")


def test_csv_columns_are_in_the_order_of_the_notebook(export):
    header = read(export("--to", "csv", "-o", "-").stdout)[0]
    assert header[9:14] == ["square", "sum_of_squares", "weighted_energy", "why_squares", "cube"]


def test_who_waits_for_a_person_is_told(export):
    told = export("--to", "csv", "-o", "-").stderr
    assert "2 wait for a person" in told
    assert "'bob'" in told


def test_who_is_not_graded_yet_is_told(export, marked):
    folder = marked.submission("new\x1b[2J").parent
    folder.mkdir(parents=True)
    told = export("--to", "csv", "-o", "-").stderr
    assert "1 submitted, but not graded yet: 'new\\x1b[2J'" in told
    folder.rmdir()


def test_the_file_is_whole_private_and_marked_for_excel(export, marked):
    told = export("--to", "csv").stderr
    path = marked.course.root / "exports" / "toy-csv.csv"
    assert str(path) in told
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert path.stat().st_mode & 0o077 == 0
    assert not list(path.parent.glob(".*"))


def test_canvas_without_a_roster(export):
    rows = read(export("--to", "canvas", "-o", "-", "--grade-column", "PCA (12)").stdout)
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "PCA (12)"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "11"]
    assert ["Lovelace, Ada", "", "", "ada", "", "9.5"] in rows
    assert ["O'Neil, '+Bob", "77", "", "bob", "", "7.5"] in rows


CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Old (1),Toy (2),Current Score
,,,,,Manual Posting,,
    Points Possible,,,,,5,10,(read only)
"Lovelace, Ada",501,u1,ADA,S1,3,,80
"Neil, Bob",77,u2,bneil,S1,4,1,90
"=cmd, Eve",503,u3,eve,S1,5,2,70
"""


@pytest.fixture
def canvas(tmp_path):
    path = tmp_path / "canvas.csv"
    path.write_bytes(b"\xef\xbb\xbf" + CANVAS.encode())
    return path


def test_canvas_roster_keeps_rows_and_only_our_column(export, canvas):
    done = export("--to", "canvas", "--roster", canvas, "-o", "-", code=1)
    assert read(done.stdout) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Toy (2)"],
        ["", "", "", "", "", ""],
        ["    Points Possible", "", "", "", "", "10"],
        ["Lovelace, Ada", "501", "u1", "ADA", "S1", "9.5"],
        ["Neil, Bob", "77", "u2", "bneil", "S1", "7.5"],
        ["'=cmd, Eve", "503", "u3", "eve", "S1", "2"],
    ]
    assert "1 in the roster without a score here (left as they were): '=cmd, Eve'" in done.stderr
    assert f"1 with a score here but not in the roster: {HOSTILE!r}" in done.stderr
    assert "Canvas has '10' points possible, the assignment 11" in done.stderr


def test_a_roster_in_a_locale_of_semicolons(export, tmp_path):
    path = tmp_path / "canvas.csv"
    path.write_text("Student;ID;SIS Login ID;Section;toy\nAda;501;ada;S;\n")
    done = export("--to", "canvas", "--roster", path, "-o", "-", code=1)
    assert done.stdout.splitlines()[1] == '"Ada";"501";"ada";"S";"9.5"'


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", (), "is empty"),
        ("a,b\n1,2\n", (), "is no gradebook exported from Canvas"),
        ("Student,ID,Section,Other (3)\n", (), "no column of toy: name one with --grade-column"),
        ("Student,ID,Section,toy,Toy (2)\n", (), "several columns of toy"),
        ("Student,ID,Section,toy\n", ("--match", "Login"), "has no column 'Login'"),
        ("Student,ID,Section,a,a\n", ("--grade-column", "a"), "has several columns 'a'"),
        ("Student,ID,Section,toy\nA,ada,S,\nB,ada,S,\n", (), "rows 2 and 3 are both of 'ada'"),
        ("Student,ID,Section,toy\nA,ada,S,,9\n", (), "more cells than the header"),
        ('Student,ID,Section,toy\n"A,ada\n', (), "is not CSV"),
    ],
)
def test_a_roster_that_cannot_be_filled(export, tmp_path, text, options, says):
    path = tmp_path / "roster.csv"
    path.write_text(text)
    done = export("--to", "canvas", "--roster", path, *options, "-o", tmp_path / "out", code=2)
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_roster_itself_is_not_overwritten(export, canvas):
    done = export("--to", "canvas", "--roster", canvas, "-o", canvas, code=2)
    assert "is what this export is made from" in done.stderr
    assert canvas.read_bytes().endswith(CANVAS.encode())


@pytest.mark.parametrize("name", ["gradebook.db", "source/toy/toy.ipynb", "exports"])
def test_what_is_no_export_is_not_overwritten(export, marked, name):
    path = marked.course.root / name
    before = path.read_bytes() if path.is_file() else path.mkdir(exist_ok=True)
    said = export("--to", "csv", "-o", path, code=2).stderr
    assert "is no .csv" in said or "is a folder" in said
    assert path.is_dir() or path.read_bytes() == before


def test_moodle_without_a_roster(export):
    rows = read(export("--to", "moodle", "-o", "-").stdout)
    assert rows[0] == ["Email address", "ID number", "First name", "Last name", "toy"]
    assert ["ada@x.org", "ada", "Ada", "Lovelace", "9.5"] in rows
    assert ["", "77", "'+Bob", "O'Neil", "7.5"] in rows


WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade,"Grade can be changed",\
"Last modified (grade)","Feedback comments"
"Participant 1","Ada Lovelace",ADA@x.org,Submitted,,10.00,Yes,"Monday, 2 March 2026, 9:05 AM","a,b"
"Participant 2","Carol",carol@x.org,"No submission",3.00,10.00,Yes,-,
"""


def test_moodle_worksheet_is_filled_and_else_left_alone(export, tmp_path):
    path = tmp_path / "worksheet.csv"
    path.write_text(WORKSHEET)
    done = export("--to", "moodle", "--roster", path, "-o", "-", code=1)
    before, after = read(WORKSHEET), read(done.stdout)
    assert after[1][4] == "9.5"
    before[1][4] = "9.5"
    assert after == before
    assert "'Carol'" in done.stderr
    assert "Moodle's maximum grade is '10.00', the assignment's 11" in done.stderr


def test_an_ungraded_assignment_is_told_to_be_graded(tmp_path, toy):
    root = tmp_path / "course"
    shutil.copytree(toy.course.root, root)
    command = ["--course", str(root), "export", "toy", "--to", "csv"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert "run `autograder grade toy` first" in done.stderr
    assert not (root / "gradebook.db").exists()
    assert not (root / "exports").exists()


def test_a_gradebook_that_is_none_is_told(tmp_path, toy):
    root = tmp_path / "course"
    shutil.copytree(toy.course.root, root)
    (root / "gradebook.db").write_text("no database, but long enough to be taken for one" * 30)
    done = CliRunner().invoke(main, ["--course", str(root), "export", "toy", "--to", "csv"])
    assert done.exit_code == 2
    assert done.stderr.startswith("autograder: the gradebook sqlite://")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--to", "csv", "--match", "x"),
        ("--to", "gradescope", "--grade-column", "--roster"),
        ("--to", "canvas", "--match", "x"),
    ],
)
def test_options_that_do_not_go_together(export, options):
    assert "--roster" in export(*options, code=2).stderr
