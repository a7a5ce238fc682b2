"""`--isolation none` gives student code the rights of who grades; root's are not to be had so."""

import json
import os

import pytest

from autograder.errors import IsolationError
from autograder.sandbox.host import bubblewrap
from autograder.sandbox.host.box import Box
from autograder.sandbox.isolation import Isolation
from shared.commands import run_forked

ALLOWS = "AUTOGRADER_ROOT_WITHOUT_BOX"
WRITES = """
import os
open({path!r}, "w").write(str(os.getuid()))
"""


@pytest.fixture
def as_root(monkeypatch):
    """Grading that takes itself for root's, with nothing said about walls."""
    monkeypatch.setattr(bubblewrap.os, "getuid", lambda: 0)
    monkeypatch.delenv(ALLOWS, raising=False)


@pytest.mark.parametrize("value", [None, "", "0", "yes"])
def test_root_opens_no_box_without_walls(as_root, monkeypatch, value):
    if value is not None:
        monkeypatch.setenv(ALLOWS, value)
    with pytest.raises(IsolationError, match=f"as an ordinary user, or, .* set {ALLOWS}=1"):
        Box(Isolation.NONE, None).launch()


@pytest.mark.slow
@pytest.mark.parametrize("command", [("grade", "toy", "--json"), ("calibrate", "toy")])
def test_nothing_runs_as_root_and_one_line_says_why(
    as_root, handed_in, toy_copy, references, tmp_path, command
):
    path = tmp_path / "written"
    handed_in("ada", square=WRITES.format(path=str(path)) + references["square"])
    done = run_forked(toy_copy.course.root, "autograder", *command, "--isolation", "none")
    assert done.returncode == 2
    assert "run as an ordinary user" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not path.exists()


@pytest.mark.slow
def test_root_may_where_it_is_asked_for(as_root, monkeypatch, handed_in, toy_copy, references):
    """In a container that is thrown away, as Gradescope's is."""
    monkeypatch.setenv(ALLOWS, "1")
    handed_in("ada", square=references["square"])
    done = run_forked(
        toy_copy.course.root,
        "autograder",
        "grade",
        "toy",
        "--json",
        "-j",
        "1",
        "--isolation",
        "none",
    )
    (one,) = json.loads(done.stdout)["submissions"]
    assert (one["score"], one["isolation"]) == (9.0, "none")
    assert "runs student code with your own rights" in done.stderr


@pytest.mark.skipif(os.getuid() == 0, reason="for an ordinary user")
def test_an_ordinary_user_needs_no_leave(monkeypatch):
    monkeypatch.delenv(ALLOWS, raising=False)
    bubblewrap.refuse_root_without_box()
