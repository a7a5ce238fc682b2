"""Reading what was submitted: whatever it is, cells or one clear line."""

import json
import os

import nbformat
import pytest

from autograder.submissions.reading import UnreadableNotebook, parse, read_bytes

MIB = 2**20


def notebook(*cells, **more):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}


def code(source="x = 1", **more):
    return {
        "cell_type": "code",
        "id": "a",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        **more,
    }


def read(value):
    return parse(json.dumps(value).encode(), "toy.ipynb")


UNREADABLE = {
    "empty": (b"", "toy.ipynb is empty: save the notebook and submit it again"),
    "only white space": (b" \n\t\n", "toy.ipynb is empty"),
    "NUL bytes": (b"\x00" * 100, "toy.ipynb holds nothing but zeros"),
    "NUL inside": (b'{"cells": \x00[]}', "toy.ipynb is damaged in line 1"),
    "nested too deeply": (b"[" * 200_000, "toy.ipynb is nested too deeply"),
    "nested too deeply in a cell": (
        b'{"cells": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        "toy.ipynb is nested too deeply",
    ),
    "too many values": (b"[" + b"{}," * 3_000_000, "toy.ipynb holds more than 4,000,000 values"),
    "a list": (b"[]", "toy.ipynb is JSON but not a notebook: it has no cells"),
    "a number": (b"3", "toy.ipynb is JSON but not a notebook"),
    "null": (b"null", "toy.ipynb is JSON but not a notebook"),
    "another document": (b'{"a": 1}', "toy.ipynb is JSON but not a notebook"),
    "cells are a number": (b'{"cells": 3}', "toy.ipynb is not a whole notebook"),
    "cells are null": (b'{"cells": null}', "toy.ipynb is not a whole notebook"),
    "worksheets are a number": (b'{"worksheets": 3}', "toy.ipynb is not a whole notebook"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notebook_is_named_in_one_line(name):
    content, said = UNREADABLE[name]
    with pytest.raises(UnreadableNotebook) as caught:
        parse(content, "toy.ipynb")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("odd", [1, None, "text", ["a"]], ids=str)
def test_a_cell_that_is_none_says_which(odd):
    with pytest.raises(UnreadableNotebook, match=r"not a whole notebook \(cell 2 is no cell\)"):
        read(notebook(code(), odd))


def test_a_byte_order_mark_is_overlooked():
    content = b"\xef\xbb\xbf" + json.dumps(notebook(code("a"))).encode()
    assert [cell.source for cell in parse(content, "toy.ipynb")] == ["a"]


@pytest.mark.parametrize("minor", [0, 1, 2, 3, 4, 5])
def test_every_minor_version_of_nbformat_4_is_read(minor):
    cell = code("a")
    if minor < 5:
        del cell["id"]
    assert [one.source for one in read(notebook(cell, nbformat_minor=minor))] == ["a"]


def test_cells_without_ids_or_with_equal_ones_are_read():
    without = {key: value for key, value in code("b").items() if key != "id"}
    assert [cell.source for cell in read(notebook(code("a"), code("c"), without))] == list("acb")


def test_nbformat_3_is_read_with_its_names():
    named = nbformat.v4.new_code_cell("a = 1", metadata={"nbgrader": {"grade_id": "square"}})
    cells = [nbformat.v4.new_markdown_cell("# Title"), named]
    old = nbformat.convert(nbformat.v4.new_notebook(cells=cells), 3)
    text = nbformat.v3.writes_json(old)
    assert "worksheets" in json.loads(text)
    read_cells = parse(text.encode(), "toy.ipynb")
    assert [cell.source for cell in read_cells] == ["# Title", "a = 1"]
    assert read_cells[1].grade_id == "square"


def test_a_source_may_be_a_list_of_lines():
    assert read(notebook(code(["a\n", "b"])))[0].source == "a\nb"


ODD_METADATA = [
    {"nbgrader": {"grade_id": 3}},
    {"nbgrader": {"grade_id": ["square"]}},
    {"nbgrader": "square"},
    {"nbgrader": None},
    {"nbgrader": {}, "tags": "skip-execution"},
    {"tags": None},
]


@pytest.mark.parametrize("metadata", ODD_METADATA, ids=str)
def test_odd_metadata_names_no_cell(metadata):
    (cell,) = read(notebook(code(metadata=metadata)))
    assert cell.grade_id is None
    assert cell.tags == ()
    assert cell.source == "x = 1"


@pytest.mark.parametrize("source", ["a\ud800b", ["a", "\ud800b"]])
def test_a_lone_surrogate_is_replaced(source):
    (cell,) = read(notebook(code(source)))
    assert cell.source == "a?b"


def test_claims_and_tags_are_kept_for_the_ta():
    metadata = {"nbgrader": {"grade_id": "a", "points": 99}, "tags": ["skip-execution", 3]}
    (cell,) = read(notebook(code(metadata=metadata)))
    assert cell.claims["points"] == 99
    assert cell.tags == ("skip-execution",)


def refused(path, notebook_mb=1):
    with pytest.raises(UnreadableNotebook) as caught:
        read_bytes(path, notebook_mb)
    return str(caught.value)


def test_a_file_within_the_limit_is_read_whole(tmp_path):
    path = tmp_path / "toy.ipynb"
    path.write_bytes(b"x" * MIB)
    assert read_bytes(path, 1) == b"x" * MIB


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "toy.ipynb"
    with path.open("wb") as file:
        file.truncate(200 * MIB)
    said = refused(path)
    assert said == (
        "toy.ipynb has 200 MiB, 1 MiB are allowed: clear its outputs and submit it again"
    )


def test_a_missing_file_is_named(tmp_path):
    assert refused(tmp_path / "toy.ipynb") == "toy.ipynb was not submitted"


def test_a_wrong_name_is_told_with_the_right_one(tmp_path):
    for name in ("Toy (1).ipynb", "toy-final.ipynb", "notes.txt"):
        (tmp_path / name).touch()
    assert refused(tmp_path / "toy.ipynb") == (
        "toy.ipynb was not submitted, but Toy (1).ipynb, toy-final.ipynb: rename it to toy.ipynb"
    )


def test_names_that_are_not_utf_8_can_still_be_told(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.ipynb")).touch()
    assert "caf" in refused(tmp_path / "toy.ipynb").encode().decode()


def test_a_symbolic_link_is_refused(tmp_path):
    (tmp_path / "secret").write_text("s")
    (tmp_path / "toy.ipynb").symlink_to(tmp_path / "secret")
    assert refused(tmp_path / "toy.ipynb") == (
        "toy.ipynb is a symbolic link: submit the file itself"
    )


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "toy.ipynb").mkdir()
    assert refused(tmp_path / "toy.ipynb") == "toy.ipynb is not a file: submit a notebook"


def test_a_named_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "toy.ipynb")
    assert refused(tmp_path / "toy.ipynb") == "toy.ipynb is not a file: submit a notebook"
