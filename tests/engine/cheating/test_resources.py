"""Bombs: memory, processes, threads, disk, output, time; each costs its own exercise only."""

import textwrap

import pytest

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box

BOMBS = {
    "one process": "hoard = np.ones((1000, 2**20))",
    "many processes": """
    for _ in range(20):
        if os.fork() == 0:
            hoard = np.ones((40, 2**17))
            time.sleep(10)
            os._exit(0)
    time.sleep(10)""",
    "a shared map": """
    hoard = mmap.mmap(-1, 2**30)
    for page in range(0, 2**30, 4096):
        hoard[page] = 1""",
    "memory files": """
    hoard = [os.memfd_create("hoard") for _ in range(20)]
    for descriptor in hoard:
        for _ in range(20):
            os.write(descriptor, bytes(2**20))
    raise RuntimeError("hoarded 400 MiB")""",
    "segments": """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    for _ in range(40):
        segment = libc.shmget(0, ctypes.c_size_t(2**24), 0o1600)
        if segment < 0:
            raise MemoryError
        place = libc.shmat(segment, None, 0)
        ctypes.memset(place, 1, 2**24)
        libc.shmdt(ctypes.c_void_p(place))
    raise RuntimeError("hoarded 640 MiB")""",
}
IMPORTS = "import ctypes, mmap, os, sys, threading, time\nimport numpy as np\n"


def bomb(body, name="cube"):
    """Return an answer that runs `body`, at whatever indent, before a wrong result."""
    body = textwrap.indent(textwrap.dedent(body.strip("\n")), "    ")
    return f"{IMPORTS}def {name}(x):\n{body}\n    return 0 * x"


@pytest.mark.parametrize("kind", BOMBS)
def test_memory_cannot_be_hoarded_by(attack, kind):
    attacked = attack(cube=bomb(BOMBS[kind]), costs=["cube"])
    told = attacked.messages("cube")
    # On a busy machine its time may be over first.
    ends = ("more than 300 MiB", "more memory", "not permitted", "took longer")
    assert any(end in told for end in ends)


def test_a_memory_bomb_in_a_cell_costs_that_cell_only(attack):
    attacked = attack(first="import numpy as np\nhoard = np.ones((1000, 2**20))")
    assert attacked.result.score == 9


HOLDS = "import numpy as np\nheld = np.ones((200, 2**17))"
WAITS = "import time\ndef cube(x):\n    time.sleep(0.2)\n    return x**3"


def test_what_a_notebook_holds_counts_once_though_each_exercise_has_it_too(attack):
    attacked = attack(first=HOLDS, cube=WAITS)
    assert attacked.result.score == 9
    assert 200 < attacked.result.peak_memory_mb < 300


def test_an_exercise_that_copies_what_its_notebook_holds_has_too_much(attack):
    copies = "import time\ndef cube(x):\n    held[:] = 2\n    time.sleep(2)\n    return x**3"
    attacked = attack(first=HOLDS, cube=copies, costs=["cube"])
    assert attacked.verdict("cube") is Verdict.OUT_OF_MEMORY


def test_a_process_that_hides_its_memory_is_counted_in_full(attack):
    hides = """
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
        time.sleep(2)
    """
    attacked = attack(first=HOLDS, cube=bomb(hides), costs=["cube"])
    assert attacked.verdict("cube") is Verdict.OUT_OF_MEMORY


def test_a_fork_bomb_ends_with_its_exercise(attack):
    attacked = attack(
        cube=bomb("""
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """),
        costs=["cube"],
    )
    assert attacked.verdict("cube") in (Verdict.CRASHED, Verdict.TIMED_OUT)


def test_a_thread_bomb_ends_with_its_exercise(attack):
    attacked = attack(
        cube=bomb("""
        while True:
            threading.Thread(target=time.sleep, args=(10,), daemon=True).start()
        """),
        costs=["cube"],
    )
    assert attacked.verdict("cube") in (Verdict.CRASHED, Verdict.FAILED, Verdict.TIMED_OUT)


@pytest.mark.parametrize("folder", ["/tmp", "/dev/shm", "/proc"])
def test_a_full_disk_is_full_before_the_machine_is(attack, folder):
    attacked = attack(
        first=f"""
        import os
        size = 0
        try:
            for number in range(100):
                with open("{folder}/fill%d" % number, "wb") as file:
                    for _ in range(8):
                        size += file.write(bytes(2**20))
                        file.flush()
        except OSError as error:
            print("stopped", size < 80 * 2**20)
        for number in range(100):
            if os.path.exists("{folder}/fill%d" % number):
                os.remove("{folder}/fill%d" % number)
        """
    )
    assert attacked.printed.startswith("stopped True")


def test_a_flood_of_output_is_cut_off(attack):
    attacked = attack(
        first="""
        import os, sys
        for _ in range(200):
            print("flood " * 20_000)
            os.write(1, b"flood " * 20_000)
            sys.__stderr__.write("flood " * 20_000)
        """
    )
    assert len(attacked.printed) < 2 * 2**20
    assert "cut off" in attacked.printed


def test_a_loop_in_a_function_costs_one_call(attack):
    attacked = attack(cube="def cube(x):\n    while True: pass", costs=["cube"])
    assert attacked.messages("cube").startswith("A call took longer than 1.5 s.")


def test_a_loop_that_ignores_every_signal_is_ended(attack):
    attacked = attack(
        cube="""
        import signal
        def cube(x):
            for number in (signal.SIGINT, signal.SIGXCPU, signal.SIGTERM, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)
            while True:
                try:
                    while True: pass
                except BaseException:
                    pass
        """,
        costs=["cube"],
    )
    assert attacked.verdict("cube") is Verdict.TIMED_OUT


def test_a_loop_in_a_cell_that_catches_its_interrupt_costs_that_cell(attack):
    attacked = attack(
        first="""
        while True:
            try:
                while True: pass
            except BaseException:
                pass
        """
    )
    assert attacked.problems.startswith("TIMED_OUT")


ENDINGS = {
    "sys.exit": "sys.exit(0)",
    "os._exit": "os._exit(0)",
    "a segfault": "ctypes.string_at(0)",
    "an abort": "os.abort()",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_function_that_ends_by(attack, ending):
    attacked = attack(cube=bomb(ENDINGS[ending]), costs=["cube"])
    assert attacked.verdict("cube") in (Verdict.CRASHED, Verdict.FAILED)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_cell_that_ends_by(attack, ending):
    code = f"{IMPORTS}{ENDINGS[ending]}\ndef square(x): return x**2"
    attacked = attack(square=code, costs=["square"])
    assert attacked.verdict("square") in (Verdict.CRASHED, Verdict.FAILED, Verdict.MISSING)


def test_calls_of_a_stand_in_without_end_cost_one_call(attack):
    attacked = attack(
        square="def square(x): return 0 * x",
        sum_of_squares="def sum_of_squares(x):\n    while True: square(x)",
        costs=["square", "sum_of_squares"],
    )
    assert attacked.verdict("sum_of_squares") is Verdict.TIMED_OUT
