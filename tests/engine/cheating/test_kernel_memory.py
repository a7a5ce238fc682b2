"""Memory of the kernel, which is no process's own: refused, counted, or bounded to a little."""

import textwrap

import pytest

from autograder.grading.submission import Grader
from autograder.results.verdicts import Verdict
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

pytestmark = pytest.mark.box


@pytest.fixture(scope="module")
def grader(toy):
    """A grader with little memory, and time enough on a busy machine to use it up."""
    limits = Limits(call_wall_s=60, cell_wall_s=60, memory_mb=300)
    with Grader.of(toy, Isolation.BOX, limits) as grader:
        yield grader


IMPORTS = """\
import ctypes, mmap, os, select, signal, socket, threading, time
import numpy as np
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
"""


def hoarder(body, processes=1):
    """Return an answer that hoards by `body` in so many processes, waits a little, and is wrong."""
    body = textwrap.indent(textwrap.dedent(body.strip("\n")), "    ")
    forks = f"    for _ in range({processes - 1}):\n        if os.fork() == 0:\n            break\n"
    return f"{IMPORTS}def cube(x):\n{forks}{body}\n    time.sleep(50)\n    return 0 * x"


REFUSED = {
    "semaphores": "libc.semget(0, 32000, 0o1600)",
    "message queues": "libc.msgget(0, 0o1600)",
    "queues of POSIX": 'libc.mq_open(b"/q", 0o102, 0o600, None)',
    "segments": "libc.shmget(0, ctypes.c_size_t(2**24), 0o1600)",
    "memory files": 'libc.memfd_create(b"hoard", 0)',
    "keys": "libc.syscall(248 if os.uname().machine == 'x86_64' else 217, None, None, None, 0, -3)",
    "timers": "libc.timer_create(0, None, ctypes.byref(ctypes.c_long()))",
    "locked pages": "libc.mlockall(3)",
    "larger pipes": "-(__import__('fcntl').fcntl(os.pipe()[0], 1031, 2**20) < 0)",
    "larger socket buffers": (
        "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**24) or 0"
    ),
    "larger buffers to receive": (
        "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**24) or 0"
    ),
    "programs in sockets": (
        "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, 26, bytes(16)) or 0"
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_nobody_counts_cannot_be_had(attack, what):
    attacked = attack(
        first=IMPORTS
        + f"""
try:
    got = {REFUSED[what]}
except PermissionError:
    got = -1
    ctypes.set_errno(1)
except OSError as error:
    got = -1
    ctypes.set_errno(error.errno)
print("refused" if got == -1 and ctypes.get_errno() == 1 else f"got {{got}} {{ctypes.get_errno()}}")
"""
    )
    assert attacked.printed.strip() == "refused"


SENT = """
held = []
try:
    while True:
        {make}
        sender.setblocking(False)
        try:
            while True:
                sender.send(bytes({size}))
        except BlockingIOError:
            pass
        {keep}
except OSError:
    pass
"""
PAIRS = SENT.format(
    make="sender, receiver = socket.socketpair(type=socket.{kind})",
    size="{size}",
    keep="held.append((sender, receiver))",
)
COUNTED = {
    "sockets that wait to be read": (
        PAIRS.replace("{kind}", "SOCK_STREAM").replace("{size}", "2**16"),
        60,
    ),
    "sockets whose senders are closed": (
        """
        held = []
        place = f"/tmp/work/{os.getpid()}"
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        receiver.bind(place)
        receiver.listen(4096)
        for _ in range(4000):
            sender = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sender.setblocking(False)
            try:
                sender.connect(place)
                while True:
                    sender.send(bytes(2**16))
            except OSError:
                sender.close()
        """,
        4,
    ),
    "datagrams of closed sockets": (
        """
        held = []
        for number in range(100):
            receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            place = f"/tmp/work/{os.getpid()}-{number}"
            receiver.bind(place)
            held.append(receiver)
            for _ in range(20):
                sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                sender.setblocking(False)
                try:
                    sender.connect(place)
                    while True:
                        sender.send(bytes(2**17))
                except OSError:
                    sender.close()
        """,
        20,
    ),
    "page tables": (
        """
        size, held = 4 * 2**30, []
        try:
            while True:
                held.append(mmap.mmap(-1, size, mmap.MAP_PRIVATE | 0x4020, mmap.PROT_READ))
                held[-1].madvise(mmap.MADV_NOHUGEPAGE)
                # A page of zeros costs nothing; the page of its table is the kernel's.
                np.frombuffer(held[-1], np.uint8)[:: 2**21].sum()
        except OSError:
            pass
        """,
        26,
    ),
    "mappings": (
        """
        base = libc.mmap(None, 70000 * 4096, 0, 0x4022, -1, 0)
        for number in range(35000):
            if libc.mprotect(base + number * 8192, 4096, 1):
                break
        """,
        26,
    ),
    "processes whose first thread is over": (
        """
        def hoard():
            held = np.ones((150, 2**17))
            time.sleep(60)
        threading.Thread(target=hoard).start()
        libc.syscall({"x86_64": 60}.get(os.uname().machine, 93), 0)
        """,
        6,
    ),
}


@pytest.mark.parametrize("what", COUNTED)
def test_what_the_kernel_holds_counts_as_memory(attack, what):
    body, processes = COUNTED[what]
    attacked = attack(cube=hoarder(body, processes), costs=["cube"])
    assert attacked.verdict("cube") is Verdict.OUT_OF_MEMORY, attacked.messages("cube")


def test_what_the_kernel_holds_for_cells_counts_too(attack):
    body, _ = COUNTED["sockets whose senders are closed"]
    loop = textwrap.indent(textwrap.dedent(body.strip("\n")), "    ")
    cell = f"{IMPORTS}held_all = []\nfor _ in range(20):\n{loop}\n    held_all.append(receiver)"
    cell = cell.replace("{os.getpid()}", "{len(held_all)}")
    attacked = attack(first=cell)
    assert "OUT_OF_MEMORY" in attacked.problems


BOUNDED = {
    # One submission's user may hold 64 MiB in pipes; beyond, a pipe has two pages.
    "pipes": (
        """
        held, readers = 0, []
        try:
            while True:
                reader, writer = os.pipe()
                readers.append(reader)
                os.set_blocking(writer, False)
                try:
                    while True:
                        held += os.write(writer, bytes(4096))
                except BlockingIOError:
                    os.close(writer)
        except OSError:
            pass
        print(held // 2**20)
        for one in readers:
            os.close(one)
        """,
        9,
    ),
    "terminals": (
        """
        held = []
        try:
            while True:
                held += os.openpty()
        except OSError:
            print(len(held) // 2)
        for one in held:
            os.close(one)
        """,
        16,
    ),
    "descriptors": (
        """
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", 0))
        except OSError:
            print(len(held))
        for one in held:
            os.close(one)
        """,
        128,
    ),
    "signals that wait": (
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 65))
        for _ in range(4):
            for number in range(34, 65):
                for _ in range(100):
                    os.kill(os.getpid(), number)
        lines = 0
        while signal.sigtimedwait(range(34, 65), 0):
            lines += 1
        print(lines)
        """,
        300,
    ),
    "addresses, in GiB": (
        """
        size, step = 0, 2**30
        while libc.mmap(None, step, 0, 0x4022, -1, 0) != ctypes.c_void_p(-1).value:
            size += 1
            if size > 64:
                break
        print(size)
        """,
        12,
    ),
}


@pytest.mark.parametrize("what", BOUNDED)
def test_what_is_left_is_bounded(attack, what):
    body, most = BOUNDED[what]
    attacked = attack(first=IMPORTS + textwrap.dedent(body))
    assert 0 < int(attacked.printed.split()[0]) <= most


def test_locks_take_no_memory_and_cannot_be_seen_by_others(attack):
    attacked = attack(
        first="""
        import fcntl, os, sys
        with open(os.__file__) as shared:
            fcntl.flock(shared, fcntl.LOCK_EX)
            with open(os.__file__) as again:
                fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
                print("not locked")
        """
    )
    assert attacked.printed == "not locked\n"
