"""System calls: honest notebooks meet none that is refused, and cheats meet none that helps."""

import contextlib
import platform
import struct
from pathlib import Path

import pytest
from engine.cheating.honest_notebook import HONEST

from autograder.sandbox.host.box import Box, launch_together
from autograder.sandbox.host.session import Session
from autograder.sandbox.inside.bpf import ALLOW, answer
from autograder.sandbox.inside.syscall_numbers import MACHINES, numbers_on
from autograder.sandbox.inside.syscalls import filter_program
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

EPERM, ENOSYS = 1, 38


def run_filter(machine, number, arguments=(0,) * 6, architecture=None):
    """Run a machine's filter as the kernel would; return the action it ends with."""
    own = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    data = struct.pack("<IIQ6Q", number, architecture or own, 0, *arguments)
    program = list(struct.iter_unpack("<HBBI", filter_program(machine)))
    place, value = 0, 0
    while True:
        operation, if_true, if_false, operand = program[place]
        place += 1
        if operation == 0x20:
            (value,) = struct.unpack_from("<I", data, operand)
        elif operation == 0x54:
            value &= operand
        elif operation == 0x05:
            place += operand
        elif operation == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x25: value > operand}
            place += if_true if holds[operation] else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_is_decided_as_the_table_says(machine):
    listed = set(numbers_on(machine).values())
    for number in range(1000):
        action = run_filter(machine, number, (0,) * 6)
        if number not in listed:
            assert action == answer(EPERM if number <= 450 else ENOSYS), number
    always = {"read", "write", "mmap", "openat", "execve", "exit_group", "newfstatat", "getpid"}
    assert {run_filter(machine, numbers_on(machine)[name]) for name in always} == {ALLOW}


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_other_machines_and_of_x32_are_refused(machine):
    read = numbers_on(machine)["read"]
    assert run_filter(machine, read, architecture=0x40000003) == answer(EPERM)
    assert run_filter(machine, read | 0x40000000) == answer(EPERM)
    assert run_filter(machine, 0xFFFFFFFF) == answer(EPERM)


ARGUMENTS = {
    ("socket", (1, 1, 0)): ALLOW,
    ("socket", (2, 0x80001, 6)): ALLOW,
    ("socket", (40, 1, 0)): answer(EPERM),
    ("socket", (16, 3, 0)): answer(EPERM),
    ("socket", (10, 1, 0)): answer(EPERM),
    ("socket", (2, 1, 132)): answer(EPERM),
    ("socketpair", (1, 1, 0)): ALLOW,
    ("socketpair", (30, 1, 0)): answer(EPERM),
    ("clone", (0x3D0F00,)): ALLOW,
    ("clone", (0x1200011,)): ALLOW,
    ("clone", (0x10000011,)): answer(EPERM),
    ("clone", (0x7E020000,)): answer(EPERM),
    ("clone", (0x1011,)): answer(EPERM),
    ("clone", (0x8011,)): answer(EPERM),
    ("clone3", ()): answer(ENOSYS),
    ("fcntl", (3, 3)): ALLOW,
    ("fcntl", (3, 1030)): ALLOW,
    ("fcntl", (3, 1024)): answer(EPERM),
    ("fcntl", (3, 1026)): answer(EPERM),
    ("fcntl", (3, 1031)): answer(EPERM),
    ("fcntl", (3, 6)): answer(0),
    ("fcntl", (3, 37)): answer(0),
    ("flock", (3, 2)): answer(0),
    ("madvise", (0, 0, 4)): ALLOW,
    ("madvise", (0, 0, 20)): answer(EPERM),
    ("madvise", (0, 0, 21)): answer(EPERM),
    ("madvise", (0, 0, 12)): answer(EPERM),
    ("ioctl", (0, 0x5401)): ALLOW,
    ("ioctl", (0, 0x5412)): answer(EPERM),
    ("ioctl", (0, 2**32 + 0x5412)): answer(EPERM),
    ("setsockopt", (3, 1, 2)): ALLOW,
    ("setsockopt", (3, 1, 7)): answer(EPERM),
    ("setsockopt", (3, 1, 8)): answer(EPERM),
    ("setsockopt", (3, 1, 32)): answer(EPERM),
    ("setsockopt", (3, 1, 26)): answer(EPERM),
    ("setsockopt", (3, 6, 1)): ALLOW,
    ("setsockopt", (3, 6, 13)): answer(EPERM),
    ("prctl", (22,)): answer(EPERM),
    ("prctl", (15,)): ALLOW,
    ("prlimit64", (0,)): ALLOW,
    ("prlimit64", (7,)): answer(EPERM),
    ("futex", (0, 128)): ALLOW,
    ("futex", (0, 256 + 9)): ALLOW,
    ("futex", (0, 6)): answer(EPERM),
    ("futex", (0, 13)): answer(EPERM),
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("call", ARGUMENTS, ids=str)
def test_arguments_decide(machine, call):
    name, arguments = call
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    assert run_filter(machine, numbers_on(machine)[name], padded) == ARGUMENTS[call]


@pytest.mark.parametrize("machine", MACHINES)
def test_the_table_names_each_call_once_and_jumps_stay_inside(machine):
    numbers = numbers_on(machine)
    assert len(set(numbers.values())) == len(numbers)
    program = list(struct.iter_unpack("<HBBI", filter_program(machine)))
    assert len(program) < 4096
    for place, (operation, if_true, if_false, operand) in enumerate(program):
        skips = (operand,) if operation == 0x05 else (if_true, if_false)
        assert all(place + 1 + skip < len(program) for skip in skips) or operation == 0x06
        assert all(skip <= 255 for skip in (if_true, if_false))


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_the_kernels(machine):
    if not HEADERS[machine].exists():
        pytest.skip("the kernel's headers are not installed (linux-libc-dev)")
    words = [line.split() for line in HEADERS[machine].read_text().splitlines()]
    defined = [one for one in words if len(one) >= 3 and one[0] == "#define"]
    kernels = {
        name.removeprefix("__NR3264_").removeprefix("__NR_").replace("fstatat", "newfstatat")
        if name == "__NR3264_fstatat"
        else name.removeprefix("__NR3264_").removeprefix("__NR_"): int(value)
        for _, name, value, *_ in defined
        if name.startswith("__NR") and value.isdigit()
    }
    # Later than these headers.
    ours = {name: number for name, number in numbers_on(machine).items() if number < 452}
    assert {name: kernels.get(name) for name in ours} == ours


def outputs_of(run):
    return "".join(
        str(one.get("text", "")) + str(one.get("ename", "")) + str(one.get("evalue", ""))
        for one in run.outputs
    )


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("nested", [True, False])
def test_honest_notebooks_meet_no_refused_call(nested):
    with Box(Isolation.BOX, None, nested) as box:
        # A box for each submission has no /dev/shm to write to, so no semaphores.
        cells = [
            (index, source)
            for index, (name, source) in enumerate(HONEST.items())
            if nested or name != "processes"
        ]
        session = Session(box, cells, Limits(submission_wall_s=600, cell_wall_s=200), [])
        session.run_cells()
        names = list(HONEST)
        runs = {names[index]: session.runs.get(index) for index, _ in cells}
        session.close()
    for name, run in runs.items():
        assert run is not None, name
        assert run.problem is None, (name, run.problem)
        errors = [one for one in run.outputs if one.get("output_type") == "error"]
        assert not errors, (name, errors)
        assert "not permitted" not in outputs_of(run), (name, outputs_of(run))


TRIED = """
import ctypes, fcntl, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def tried(call):
    ctypes.set_errno(0)
    try:
        got = call()
    except OSError as error:
        return error.errno
    return ctypes.get_errno() if got == -1 else 0
shared = os.open(os.__file__, os.O_RDONLY)
"""
# The number on x86_64 and aarch64, and the arguments.
REFUSED = {
    "watching files": "libc.inotify_init1(0)",
    "watching file systems": "libc.fanotify_init(0x200, 0)",
    "leases": "fcntl.fcntl(shared, 1024, fcntl.F_RDLCK)",
    "notes of changes": "fcntl.fcntl(shared, 1026, 1)",
    "what is in the page cache": "libc.mincore(None, 0, None)",
    "reading only what is in it": "number(327, 286, shared, None, 0, 0, 0, 8)",
    "dropping from it": "number(221, 223, shared, 0, 0, 4)",
    "reading ahead": "libc.readahead(shared, 0, 4096)",
    "pushing pages out": "libc.madvise(None, 0, 21)",
    "new namespaces": "libc.unshare(0x10000000)",
    "namespaces of others": "libc.setns(shared, 0)",
    "another root": "libc.chroot(b'/tmp')",
    "mounts": "libc.mount(b'x', b'/tmp', b'tmpfs', 0, None)",
    "descriptors of processes": "number(434, 434, os.getpid(), 0)",
    "comparing processes": "number(312, 272, 1, 1, 0, 0, 0)",
    "tracing": "libc.ptrace(0, 0, None, None)",
    "reading others' memory": "libc.process_vm_readv(1, None, 0, None, 0, 0)",
    "advising others' memory": "number(440, 440, shared, None, 0, 4, 0)",
    "segment tables": "number(154, 92, 0, None, 0)",
    "personalities": "libc.personality(0x0040000)",
    "landlock": "number(444, 444, None, 0, 1)",
    "asynchronous reading": "number(206, 0, 8, None)",
    "rings": "number(425, 425, 8, None)",
    "programs in the kernel": "number(321, 280, 0, None, 0)",
    "counters": "number(298, 241, None, 0, -1, -1, 0)",
    "faults in user space": "number(323, 282, 0)",
    "keys": "number(250, 219, 0, -3, 0)",
    "handles of files": "number(303, 264, shared, b'', None, None, 0)",
    "moving pages": "libc.vmsplice(shared, None, 0, 0)",
    "filters of its own": "number(317, 277, 0, 0, None)",
    "virtual machines' sockets": "socket.socket(40, socket.SOCK_STREAM)",
    "netlink": "socket.socket(16, socket.SOCK_RAW)",
    "the kernel's ciphers": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "packets": "socket.socket(17, socket.SOCK_RAW)",
    "typing for others": "fcntl.ioctl(0, 0x5412, b'x')",
    "limits of others": "number(302, 261, 1, 7, None, None)",
    "flushing the machine": "(libc.syncfs(shared))",
    "the clock": "libc.adjtimex(None)",
    "x32": "number(0x40000000 + 39, 153)",
}


@pytest.mark.box
def test_calls_that_reach_others_are_refused(attack):
    numbered = "number = lambda x86_64, aarch64, *rest: libc.syscall({}, *rest)".format(
        "x86_64" if platform.machine() == "x86_64" else "aarch64"
    )
    lines = "".join(
        f"print({what!r}, tried(lambda: {call}))\n"
        for what, call in REFUSED.items()
        if what != "x32" or platform.machine() == "x86_64"
    )
    attacked = attack(first=f"{TRIED}{numbered}\n{lines}")
    answers = dict(line.rsplit(" ", 1) for line in attacked.printed.splitlines())
    other = {what: code for what, code in answers.items() if code != "1"}
    assert other == {}
    assert answers.keys() >= REFUSED.keys() - {"x32"}


@pytest.mark.box
@pytest.mark.slow
def test_two_submissions_cannot_see_each_others_terminals():
    opens = """
        import os, pty
        master, slave = os.openpty()
        print(os.ttyname(slave), sorted(os.listdir("/dev/pts")))
        os.write(master, b"secret of one\\n")
    """
    looks = """
        import os
        print(sorted(os.listdir("/dev/pts")))
        for name in os.listdir("/dev/pts"):
            if name != "ptmx":
                other = os.open(f"/dev/pts/{name}", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
                print("read", os.read(other, 100))
    """
    with contextlib.ExitStack() as stack:
        boxes = launch_together(Isolation.BOX, None, 2, slow_imports=())
        one, other = (stack.enter_context(box) for box in boxes)
        sessions = []
        for box, source in ((one, opens), (other, looks)):
            lines = "\n".join(line[8:] for line in source.splitlines())
            session = Session(box, [(0, lines)], Limits(), [])
            session.run_cells()
            sessions.append(session)
        printed = [outputs_of(session.runs[0]) for session in sessions]
        for session in sessions:
            session.close()
    assert "/dev/pts/0 ['0', 'ptmx']" in printed[0]
    assert printed[1].strip() == "['ptmx']"
