"""The box on machines that allow less than we would like."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import autograder.sandbox.host.box as box_module
from autograder.errors import IsolationError
from autograder.sandbox.host.box import Box, launch_together
from autograder.sandbox.host.bubblewrap import bubblewrap_command, environment_in, find_bubblewrap
from autograder.sandbox.host.session import Session
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits


def ran_in(box, source):
    """Run one cell in the box; return what it printed."""
    submission = Session(box, [(0, source)], Limits(), [])
    submission.run_cells()
    submission.close()
    outputs = submission.runs[0].outputs
    return "".join(output.get("text", "") + output.get("ename", "") for output in outputs)


@pytest.fixture
def no_nesting(monkeypatch):
    """A machine that refuses namespaces inside a sandbox."""

    def without_nesting(data):
        command = bubblewrap_command(data)
        return [command[0], "--unshare-user", "--uid", "65534", "--disable-userns", *command[1:]]

    monkeypatch.setattr(box_module, "bubblewrap_command", without_nesting)
    monkeypatch.setattr(box_module, "leave_root", list)


@pytest.mark.box
@pytest.mark.slow
def test_where_nested_namespaces_are_refused_each_submission_gets_a_box(no_nesting):
    with Box(Isolation.BOX, None) as box:
        assert ran_in(box, "print('one')") == "one\n"
        assert not box.nested
        assert not box.is_open  # Thrown away: the next submission finds nothing of this one.
        assert ran_in(box, "print('two')") == "two\n"


def test_without_bubblewrap_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(IsolationError, match="apt-get install bubblewrap"):
        find_bubblewrap()


def test_a_box_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(
        box_module, "bubblewrap_command", lambda data: ["/bin/sh", "-c", "echo no room >&2; exit 1"]
    )
    with pytest.raises(IsolationError, match="did not start: no room"):
        Box(Isolation.BOX, None).open()


@pytest.mark.box
@pytest.mark.slow
def test_submissions_of_two_judges_cannot_talk_in_the_sandbox_they_share():
    listens = (
        "import socket\nsock = socket.socket(socket.AF_UNIX)\nsock.bind('\\0meet')\nsock.listen()"
    )
    calls = "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0meet')"
    with contextlib.ExitStack() as stack:
        boxes = launch_together(Isolation.BOX, None, 2, slow_imports=())
        one, other = (stack.enter_context(box) for box in boxes)
        waiting = Session(one, [(0, listens), (1, calls)], Limits(), [])
        waiting.run_cells()
        assert [run.outputs for run in waiting.runs.values()] == [[], []]
        assert "ConnectionRefusedError" in ran_in(other, calls)
        waiting.close()


@pytest.mark.box
@pytest.mark.slow
def test_where_boxes_cannot_be_parted_each_judge_opens_its_own(no_nesting):
    boxes = launch_together(Isolation.BOX, None, 2, slow_imports=())
    for box in boxes:
        with box:
            assert ran_in(box, "print('one')") == "one\n"


@pytest.mark.box
def test_another_process_that_lets_go_does_not_keep_a_sandbox_alive():
    box = Box(Isolation.BOX, None)
    box.open()
    sandbox = box._sandbox
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        # As the gradebook's writer does, which outlives the boxes.
        box.let_go()
        ours.close()
        theirs.recv(1)
        os._exit(0)
    theirs.close()
    box.close()
    ours.close()
    os.waitpid(child, 0)
    assert sandbox.process.returncode == 0, "it had to be killed"


def large_pages_mb(pid):
    """Return how much of a process's memory is in large pages."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("AnonHugePages:"):
            return int(line.split()[1]) / 1024
    return 0.0


def test_a_warm_parent_holds_its_memory_in_large_pages():
    if not machine_gives_large_pages():
        pytest.skip("this machine gives no large pages to a process that asks for them")
    with Box(Isolation.BOX, None) as box:
        below = psutil.Process(box._sandbox.process.pid).children(recursive=True)
        (parent,) = [one for one in below if not one.name().startswith("bwrap")]
        assert large_pages_mb(parent.pid) > 50


def machine_gives_large_pages():
    """Say whether a process outside the box gets what one in the box asks for."""
    program = "import time; held = bytearray(64 * 2**20); print(flush=True); time.sleep(60)"
    environment = environment_in(Isolation.NONE)
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        held_mb = large_pages_mb(process.pid)
        process.kill()
    return held_mb > 0
