"""A notebook finds its data wherever it is opened: beside it, or carried in it."""

import socket
from pathlib import Path

import pytest

from autograder.course.carried_data import CELL, MOST_CARRIED_KB, data_code
from autograder.course.files import find_course
from autograder.course.made_up import grade_id, read_release
from autograder.course.master import read_master
from autograder.course.notebooks import data_files

COURSE = find_course(Path(__file__).parents[3])
WITH_DATA = [one.name for one in COURSE.assignments() if read_master(one).data]


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """An empty folder, and no network."""

    def refuse(*_):
        raise AssertionError("a notebook needs no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data_cell(assignment):
    (cell,) = [one for one in read_release(assignment).cells if grade_id(one) == CELL]
    return cell


@pytest.mark.parametrize("name", WITH_DATA)
def test_a_chapter_unpacks_what_is_not_there_byte_for_byte(name, nowhere):
    assignment = COURSE.assignment(name)
    exec(data_cell(assignment).source, {})
    found = {path.name: path.read_bytes() for path in nowhere.iterdir()}
    assert found == data_files(read_master(assignment))


def test_what_lies_there_stays(nowhere):
    (nowhere / "digits.npz").write_bytes(b"a student's own")
    exec(data_code({"digits.npz": b"ours", "letters.txt": b"abc"}), {})
    assert (nowhere / "digits.npz").read_bytes() == b"a student's own"
    assert (nowhere / "letters.txt").read_bytes() == b"abc"


def test_data_that_are_too_many_to_carry_are_asked_for(nowhere):
    files = {"large.bin": bytes(MOST_CARRIED_KB * 1000), "more.txt": b"."}
    code = data_code(files)
    assert len(code) < 1000
    with pytest.raises(FileNotFoundError, match=r"^large\.bin belongs beside this notebook"):
        exec(code, {})
    for name, content in files.items():
        (nowhere / name).write_bytes(content)
    exec(code, {})


def test_the_cell_is_folded_and_ours_and_each_file_is_one_line():
    cell = data_cell(COURSE.assignment(WITH_DATA[0]))
    assert cell.metadata.jupyter.source_hidden
    assert cell.metadata.nbgrader.locked
    assert len(cell.source.splitlines()) < 15
    assert "digits.npz" in cell.source.splitlines()[0]


def test_a_chapter_without_data_has_no_such_cell():
    without = [one for one in COURSE.assignments() if one.name not in WITH_DATA]
    assert without
    cells = [cell for one in without for cell in read_release(one).cells]
    assert CELL not in {grade_id(cell) for cell in cells}
