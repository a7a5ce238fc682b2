"""What an attacker leaves behind: processes, files, shared memory, changed modules."""

import pytest

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box

# Leaves a process that outlives its parents, ignores polite signals, and can be heard of:
# the name it listens on is shared by all submissions in the box.
DAEMON = """
import os, signal, socket, time
def leave_daemon():
    ready, done = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind("\\0daemon")
        listening.listen()
        os.write(done, b"!")
        while True:
            time.sleep(1)
    os.read(ready, 1)
def daemon_lives():
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex("\\0daemon") == 0
"""


def test_a_daemon_of_the_cells_does_not_see_the_next_submission(attack):
    first = attack(first=f"{DAEMON}\nleave_daemon()\nprint('alive', daemon_lives())")
    assert first.printed.startswith("alive True")
    second = attack(first=f"{DAEMON}\nprint('alive', daemon_lives())")
    assert second.printed.startswith("alive False")


def test_a_daemon_of_an_exercise_does_not_see_the_next_exercise(attack):
    attacked = attack(
        first=DAEMON,
        square="""
        def square(x):
            if not daemon_lives():
                leave_daemon()
            raise RuntimeError(f"alive: {daemon_lives()}")
        """,
        cube="def cube(x): return 0.0 if daemon_lives() else x**3",
        costs=["square"],
    )
    assert "alive: True" in attacked.messages("square")


def test_files_are_gone_with_their_submission(attack):
    writing = """
    import os, sys
    skipped = ("/usr", "/sys", sys.prefix, sys.base_prefix)
    found, left = [], 0
    for folder, folders, files in os.walk("/"):
        folders[:] = [one for one in folders if os.path.join(folder, one) not in skipped]
        found += [name for name in files if name.startswith("left-behind")]
        try:
            with open(os.path.join(folder, "left-behind"), "w") as file:
                left += 1
        except OSError:
            pass
    print("found", found, "left", left > 0)
    """
    assert attack(first=writing).printed.startswith("found [] left True")
    assert attack(first=writing).printed.startswith("found [] left True")


def test_shared_memory_and_keys_are_gone_with_their_submission(attack):
    leaving = """
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    segment = libc.shmget(4711, 4096, 0)
    libc.shmget(4711, 4096, 0o1666)
    key = libc.syscall(249, b"user", b"left", None, -3)
    libc.syscall(248, b"user", b"left", b"secret", 6, -3)
    print("segment", segment, "key", key)
    """
    attack(first=leaving)
    assert attack(first=leaving).printed.startswith("segment -1 key -1")


def test_an_attackers_data_file_is_not_the_next_ones(attack):
    """Each submission gets the course's data files anew."""
    code = """
    print(open("numbers.txt").read().strip())
    open("numbers.txt", "w").write("9 9 9")
    """
    assert attack(first=code).printed.startswith("1 2 3")
    assert attack(first=code).printed.startswith("1 2 3")


def test_what_runs_at_exit_changes_nothing(attack):
    attack(
        first="""
        import atexit, os, sys, threading, time, weakref
        class Farewell:
            def __del__(self): os._exit(0)
        farewell = Farewell()
        atexit.register(os._exit, 0)
        weakref.finalize(sys, os._exit, 0)
        def linger():
            while True: time.sleep(0.01)
        threading.Thread(target=linger).start()
        """
    )


def test_an_exercise_that_kills_the_process_of_the_cells_costs_itself_only(attack):
    attacked = attack(
        square="""
        import os, signal
        def square(x):
            for number in (signal.SIGINT, signal.SIGXCPU, signal.SIGSTOP, signal.SIGKILL):
                os.kill(1, number)
            return 0 * x
        """,
        costs=["square"],
    )
    assert attacked.verdict("square") is Verdict.FAILED
