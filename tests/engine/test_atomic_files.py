"""Files appear whole or not at all, and one module sees to that."""

import ast
import os
from pathlib import Path

import pytest

import autograder
from autograder.atomic_files import (
    UNFINISHED,
    folder_written_whole,
    remove_unfinished,
    write_whole,
    written_whole,
)

ENGINE = Path(autograder.__file__).parent


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "new" / "file"
    write_whole(path, b"content")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"content", 0o600)
    assert left_in(path.parent) == ["file"]


def test_what_is_not_private_has_the_usual_rights(tmp_path):
    before = os.umask(0o022)
    try:
        with written_whole(tmp_path / "file", private=False) as new:
            new.write_text("content")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_is_broken_off_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "file"
    write_whole(path, b"old")

    def break_off():
        with written_whole(path) as new:
            new.write_text("ha")
            raise error

    with pytest.raises(error):
        break_off()
    assert (path.read_bytes(), left_in(tmp_path)) == (b"old", ["file"])


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    def break_off():
        with folder_written_whole(tmp_path / "folder") as new:
            (new / "a").write_text("a")
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        break_off()
    assert left_in(tmp_path) == []
    with folder_written_whole(tmp_path / "folder") as new:
        (new / "a").write_text("a")
    assert left_in(tmp_path / "folder") == ["a"]


def test_what_a_kill_left_is_removed_when_it_is_old_enough(tmp_path):
    (tmp_path / f"{UNFINISHED}old").write_text("half")
    os.utime(tmp_path / f"{UNFINISHED}old", (0, 0))
    (tmp_path / f"{UNFINISHED}new").write_text("half")
    (tmp_path / "file").write_text("whole")
    remove_unfinished(tmp_path, older_than_s=3600)
    assert left_in(tmp_path) == [f"{UNFINISHED}new", "file"]
    remove_unfinished(tmp_path)
    assert left_in(tmp_path) == ["file"]


def test_nothing_else_in_the_engine_puts_files_in_their_place():
    odd = []
    for path in sorted(set(ENGINE.rglob("*.py")) - {ENGINE / "atomic_files.py"}):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in {"os.replace", "os.rename", "tempfile.mkstemp"} or name.endswith(
                    ".rename"
                ):
                    odd.append(f"{path.relative_to(ENGINE)}:{node.lineno}: {name}")
    assert odd == []
