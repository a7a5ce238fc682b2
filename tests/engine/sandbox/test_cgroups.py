"""Control groups: found where they are ours, told where not, and what is ended there is known.

Where none are delegated to us here, folders stand for them; the kernel's part is not tried then.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox.host import cgroups
from autograder.sandbox.host.box import Box
from autograder.sandbox.host.machine_check import examine
from autograder.sandbox.host.session import Session
from autograder.sandbox.host.submission_group import SubmissionGroup
from autograder.sandbox.isolation import BOX_AND_CGROUP, Isolation
from autograder.sandbox.limits import Limits

needs_groups = pytest.mark.skipif(
    cgroups.tree() is None, reason=f"no control groups here: {cgroups.why_none()}"
)


def made_up_group(folder, kills=0):
    """Make a folder with the files that the kernel would put there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("memory.max", "memory.swap.max", "pids.max", "cgroup.procs"):
        (folder / name).write_text("")
    (folder / "memory.events").write_text(f"low 0\nhigh 0\nmax 9\noom {kills}\noom_kill {kills}\n")
    return cgroups.Cgroup(folder)


class MadeUpTree(cgroups.Tree):
    """A tree of folders."""

    def group(self, name):
        return made_up_group(self.folder / name)


@pytest.fixture
def groups_of_folders(tmp_path, monkeypatch):
    """Let folders stand for control groups; return the folder of them all."""
    found = MadeUpTree(tmp_path / "groups"), ""
    monkeypatch.setattr(cgroups, "_found", lambda: found)
    return found[0].folder


def test_limits_are_written_with_no_swap(tmp_path):
    group = made_up_group(tmp_path / "group")
    group.limit(2**30, 72)
    group.enter(4711)
    written = {path.name: path.read_text() for path in group.folder.iterdir()}
    assert written["memory.max"] == str(2**30)
    assert written["memory.swap.max"] == "0"
    assert written["pids.max"] == "72"
    assert written["cgroup.procs"] == "4711"


def test_kills_are_told_once(tmp_path):
    group = made_up_group(tmp_path / "group", kills=2)
    assert (group.kills(), group.new_kills(), group.new_kills()) == (2, 2, 0)
    made_up_group(tmp_path / "group", kills=3)
    assert group.new_kills() == 1
    assert cgroups.Cgroup(tmp_path / "none").kills() == 0


def test_the_machines_kills_are_read_from_its_counter(tmp_path):
    (tmp_path / "vmstat").write_text("nr_free_pages 5\noom_kill 7\n")
    assert cgroups.machine_kills(tmp_path / "vmstat") == 7
    assert cgroups.machine_kills(tmp_path / "none") == 0
    assert "oom_kill " in Path("/proc/vmstat").read_text()


def test_without_the_controllers_it_says_which_are_missing(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    with pytest.raises(OSError, match="no controller memory"):
        cgroups._tree_below(tmp_path)


def test_processes_of_others_are_not_moved(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")
    (tmp_path / "cgroup.type").write_text("domain\n")
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n{os.getppid()}\n")
    with pytest.raises(OSError, match="processes of others"):
        cgroups._tree_below(tmp_path)
    assert (tmp_path / "cgroup.procs").read_text().split()[0] == str(os.getpid())


def test_a_run_that_was_killed_leaves_nothing_for_long(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, alive = tmp_path / f"autograder-{gone.pid}", tmp_path / f"autograder-{os.getpid()}"
    (left / "submission-1-0").mkdir(parents=True)
    alive.mkdir()
    cgroups._remove_left_behind(tmp_path)
    assert not left.exists()
    assert alive.exists()


def test_the_mount_is_found_among_others(tmp_path):
    (tmp_path / "mountinfo").write_text(
        "24 1 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
        "33 24 0:29 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
    )
    assert cgroups._mount(tmp_path / "mountinfo") == Path("/sys/fs/cgroup/unified")
    (tmp_path / "mountinfo").write_text("24 1 0:22 / / rw - ext4 /dev/vda rw\n")
    assert cgroups._mount(tmp_path / "mountinfo") is None


def test_the_machine_check_says_whether_there_are_groups():
    (finding,) = [one for one in examine() if one.what == "cgroup v2 for each submission"]
    assert not finding.needed
    assert finding.good == (cgroups.tree() is not None)
    assert finding.good or "systemd-run --user --scope -p Delegate=yes" in finding.mend


def ran(box, source, limits):
    """Run a cell; return the session."""
    session = Session(box, [(0, source)], limits, [])
    session.run_cells()
    return session


@pytest.mark.box
@pytest.mark.parametrize("nested", [True, False])
def test_a_submission_is_put_into_its_group_before_its_cells_are_sent(groups_of_folders, nested):
    limits = Limits(memory_mb=300, disk_mb=64, processes=64)
    with Box(Isolation.BOX, None, nested) as box:
        sock = box.start_submission(limits, [])
        (group,) = groups_of_folders.iterdir()
        pid = int((group / "cgroup.procs").read_text())
        # It waits for cells: the namespaces are its own where they are nested.
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"autograder.sandbox.inside" in command
        ancestors = [pid]
        while ancestors[-1] > 1:
            stat = Path(f"/proc/{ancestors[-1]}/stat").read_text().rpartition(")")[2].split()
            ancestors.append(int(stat[1]))
        assert box._sandbox.process.pid in ancestors
        assert box._group._warm_parent == ancestors[1]
        memory_mb = int((group / "memory.max").read_text()) / 2**20
        assert 300 + 2 * 64 + 100 < memory_mb < 300 + 2 * 64 + 1000
        assert box.shut_off_by == BOX_AND_CGROUP
        sock.close()
        box.stop()


@pytest.mark.box
def test_what_the_kernel_ended_ran_out_of_memory(groups_of_folders):
    with Box(Isolation.BOX, None) as box:
        start = box.start_submission

        def start_and_be_ended(limits, files):
            sock = start(limits, files)
            for group in groups_of_folders.iterdir():
                made_up_group(group, kills=1)
            return sock

        box.start_submission = start_and_be_ended
        session = ran(box, "import os\nos.abort()", Limits(memory_mb=300))
        session.close()
    assert session.runs[0].problem.verdict == "OUT_OF_MEMORY"
    assert not session.doubt.is_there


@pytest.mark.box
def test_without_groups_a_result_says_box(monkeypatch):
    monkeypatch.setattr(cgroups, "_found", lambda: (None, "none here"))
    with Box(Isolation.BOX, None) as box:
        ran(box, "x = 1", Limits()).close()
        assert box.shut_off_by == "box"


def test_who_sends_is_told_by_the_kernel(groups_of_folders):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        group = SubmissionGroup()
        group.ask_who_sends(ours)
        child = os.fork()
        if child == 0:
            theirs.send(b"x")
            os._exit(0)
        group.hear_who_sends(ours)
        os.waitpid(child, 0)
        assert group._warm_parent == child
        assert ours.recv(1) == b"x"


HOARDS = {
    "page tables": """
        import mmap, numpy as np, time
        held = []
        while True:
            held.append(mmap.mmap(-1, 2**30, mmap.MAP_PRIVATE | 0x4020, mmap.PROT_READ))
            held[-1].madvise(mmap.MADV_NOHUGEPAGE)
            np.frombuffer(held[-1], np.uint8)[:: 2**21].sum()
            os.fork()
    """,
    "memory": """
        import numpy as np, os
        for _ in range(20):
            if os.fork() == 0:
                break
        held = np.ones((250, 2**17))
    """,
}


@needs_groups
@pytest.mark.box
@pytest.mark.parametrize("what", HOARDS)
def test_a_group_ends_what_takes_too_much(what):
    lines = "\n".join(line[8:] for line in HOARDS[what].splitlines())
    with Box(Isolation.BOX, None) as box:
        session = ran(box, f"import os\n{lines}", Limits(memory_mb=300, cell_wall_s=30))
        verdict = session.runs[0].problem.verdict
        session.close()
        assert box.shut_off_by == BOX_AND_CGROUP
    assert verdict == "OUT_OF_MEMORY"
    assert not session.doubt.is_there


@needs_groups
def test_a_judge_is_in_a_group_of_its_own():
    child = os.fork()
    if child == 0:
        group = cgroups.enter_judge_cgroup(0, 64)
        is_there = str(os.getpid()) in (group.folder / "cgroup.procs").read_text().split()
        if not is_there:
            os._exit(3)
        held = [bytes([1]) * 2**20 for _ in range(500)]
        os._exit(len(held) and 4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
    (group,) = cgroups.tree().folder.glob(f"judge-0-{child}")
    assert cgroups.Cgroup(group).kills() == 1
