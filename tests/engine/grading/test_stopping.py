"""A run that is stopped, refused or out of disk says so, and the next one goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.box, pytest.mark.slow]


def test_ctrl_c_says_how_far_it_came_and_the_next_run_goes_on(
    class_of_kinds, tmp_path, start, wait_for
):
    kind = class_of_kinds.kinds[0]
    slow = ("import time\ntime.sleep(3)\ndef square(x):\n    return x * x", *kind[1:])
    root = class_of_kinds.make(tmp_path / "course", [kind, kind, slow, slow, slow, slow])
    run = start(root, "-j", "2")
    assert wait_for(run, root, 2)
    os.kill(run.pid, signal.SIGINT)
    status, said = run.ended(60)
    assert status == 130
    assert said.startswith("stopped: ")
    assert said.endswith(" of 6 have their results; type the same again to go on")
    written = {path: path.stat().st_mtime_ns for path in class_of_kinds.results(root)}
    assert 2 <= len(written) < 6
    assert start(root, "-j", "2").ended()[0] == 0
    assert len(class_of_kinds.results(root)) == 6
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_a_second_run_at_the_same_time_is_refused(class_of_kinds, tmp_path, start):
    waits = ("import time\ntime.sleep(60)", *class_of_kinds.kinds[0][1:])
    root = class_of_kinds.make(tmp_path / "course", [waits])
    lock = root / "results/toy/.lock"
    start(root)
    deadline = time.monotonic() + 30
    while not (lock.exists() and lock.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert start(root).ended(60) == (
        2,
        "autograder: another `autograder grade toy` is running; wait for it",
    )


def test_a_full_disk_ends_the_run_with_one_line_and_keeps_what_is_written(class_of_kinds, tmp_path):
    if os.getuid() != 0 or not Path("/usr/bin/bwrap").exists():
        pytest.skip("only root can mount a small disk here")
    root = class_of_kinds.make(tmp_path / "course", class_of_kinds.kinds[6:14])
    (root / "results").mkdir()
    script = (
        "export AUTOGRADER_ROOT_WITHOUT_BOX=1; "
        f"{sys.executable} -m autograder grade toy --json --isolation none -j 1 >/dev/null; "
        "echo $?; cat results/toy/*.json"
    )
    disk = ["--dev-bind", "/", "/", "--size", "65536", "--tmpfs", str(root / "results")]
    done = subprocess.run(
        ["bwrap", *disk, "--chdir", str(root), "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    status, _, written = done.stdout.partition("\n")
    assert status == "2", done.stderr
    assert "No space left on device" in done.stderr.splitlines()[-1]
    whole = written.replace("}{", "}\n{").splitlines()
    assert whole
    assert all(json.loads(one)["schema_version"] == 1 for one in whole)
