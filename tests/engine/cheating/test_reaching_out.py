"""Student code that looks around for answers, tests, other people's work, or a way out."""

import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.judge.assignment_side import JudgeSide
from autograder.judge.hidden_tests import HiddenTests
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.local_channel import local_channel
from autograder.sandbox.limits import Limits

box = pytest.mark.box


@box
def test_the_course_and_the_home_folder_are_not_there(attack, toy):
    root = toy.course.root
    wanted = [
        toy.solutions,
        toy.hidden_tests,
        toy.known_answers,
        toy.source_notebook,
        root / "nbgrader_config.py",
        root,
        Path("/etc/passwd"),
        Path("/etc/shadow"),
        *(one for one in Path.home().iterdir() if one not in Path(sys.base_prefix).parents),
    ]
    assert toy.solutions.read_text()
    attacked = attack(
        first=f"""
        import os
        for path in {[str(path) for path in wanted]}:
            if os.path.lexists(path):
                print("SEEN", path)
        print("looked")
        """
    )
    assert attacked.printed.startswith("looked")


@box
def test_no_folder_of_the_box_holds_answers_tests_or_submissions(attack):
    attacked = attack(
        first="""
        import os, sys
        told = ("solutions", "hidden", "submitted", "gradebook.db", "toy.py", "test_toy.py")
        known = (sys.prefix, sys.base_prefix, "/usr", "/lib", "/bin", "/sbin", "/dev")
        for folder, folders, files in os.walk("/"):
            folders[:] = [f for f in folders if not os.path.join(folder, f).startswith(known)]
            for name in (*folders, *files):
                if name in told or name.endswith((".ipynb", ".db")):
                    print("SEEN", os.path.join(folder, name))
        parent = os.path.dirname(sys.prefix)
        print("SEEN" if set(os.listdir(parent)) & set(told) else "looked")
        """
    )
    assert attacked.printed.startswith("looked")


@box
def test_no_frame_and_no_object_holds_an_answer_or_a_test(attack):
    attacked = attack(
        first="""
        import gc, sys, types
        frame = sys._getframe()
        while frame is not None:
            if "pytest" in str(frame.f_globals.get("__name__")) or "expected" in frame.f_locals:
                print("SEEN", frame)
            frame = frame.f_back
        gc.unfreeze()
        told = ("solutions", "known_answers", "test_toy", "Test_square")
        for item in gc.get_objects():
            if type(item) not in (types.ModuleType, types.FunctionType, type):
                continue
            if str(item.__name__).startswith(told) or str(item.__dict__.get("__module__")) in told:
                print("SEEN", item)
        print("SEEN" if {"solutions.toy", "_pytest"} & set(sys.modules) else "looked")
        """
    )
    assert attacked.printed.startswith("looked")


@box
def test_the_judges_environment_stays_with_the_judge(attack):
    assert "PYTEST_CURRENT_TEST" in os.environ
    attacked = attack(
        first="""
        import os
        print(sorted(name for name in os.environ if not name.startswith(("LC_", "LANG"))))
        """
    )
    assert "PYTEST_CURRENT_TEST" not in attacked.printed
    assert "'USER'" in attacked.printed


@box
def test_the_open_descriptors_are_nothing_but_silence_and_the_judges_socket(attack):
    attacked = attack(
        first="""
        import os, stat
        kinds = []
        for descriptor in range(256):
            try:
                mode = os.fstat(descriptor).st_mode
            except OSError:
                continue
            kinds.append("socket" if stat.S_ISSOCK(mode) else "device" if stat.S_ISCHR(mode)
                         else f"{descriptor}:{mode:o}")
        print(*sorted(kinds))
        """
    )
    kinds = attacked.printed.splitlines()[0].split()
    assert set(kinds) == {"device", "socket"}
    assert kinds.count("socket") == 1


@box
def test_proc_tells_nothing_and_cannot_be_uncovered(attack):
    attacked = attack(
        first="""
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        print(os.listdir("/proc"), libc.umount2(b"/proc", 2), libc.umount2(b"/tmp", 2))
        print(libc.mount(b"proc", b"/tmp", b"proc", 0, None), libc.unshare(0x10000000))
        for path in ("/proc/1/environ", "/proc/self/mem", "/proc/1/root/etc/passwd"):
            try:
                print("SEEN", open(path, "rb").read(1))
            except OSError:
                pass
        """
    )
    assert attacked.printed.startswith("[] -1 -1\n-1 -1\n")
    assert "SEEN" not in attacked.printed


@box
def test_neither_the_world_nor_this_machine_can_be_reached(attack):
    tcp = socket.create_server(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0listening-{os.getpid()}")
    abstract.listen()
    with tcp, abstract:
        port = tcp.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        attacked = attack(
            first=f"""
            import socket
            def reach(family, address):
                with socket.socket(family) as one:
                    one.settimeout(0.3)
                    try:
                        one.connect(address)
                        print("REACHED", address)
                    except OSError:
                        pass
            reach(socket.AF_INET, ("127.0.0.1", {port}))
            reach(socket.AF_INET, ("192.0.2.1", 80))
            reach(socket.AF_INET, ("1.1.1.1", 53))
            reach(socket.AF_UNIX, "\\0listening-{os.getpid()}")
            print("tried")
            """
        )
    assert attacked.printed.startswith("tried")


@box
def test_signals_reach_nothing_but_the_attackers_own_processes(attack):
    attacked = attack(
        square="""
        import os, signal
        def square(x):
            seen = [p for p in range(1, 2000) if p not in (1, os.getpid()) and alive(p)]
            os.kill(1, signal.SIGKILL)
            os.kill(os.getppid(), signal.SIGTERM)
            try:
                os.kill(-1, signal.SIGKILL)
            except ProcessLookupError:
                pass
            raise RuntimeError(f"alive: {seen}")
        def alive(pid):
            try:
                os.kill(pid, 0)
                return True
            except ProcessLookupError:
                return False
        """,
        costs=["square"],
    )
    assert attacked.messages("square").startswith("It raised RuntimeError: alive: []")


# A probe function may take nothing along into the box that a student must not see.
LEAKS = {
    "a reference in its globals": "probe = lambda x: square(x)",
    "a reference in its closure": "probe = (lambda f: lambda x: f(x))(square)",
    "a reference as a default": "def probe(x, f=square): return f(x)",
    "a reference in a partial": "probe = functools.partial(square)",
    "a reference in a container": "probe = {'inner': [square]}",
    "the module of references": "probe = lambda x: toy.square(x)",
    "a test of its own": "def probe(x): return Test_square().test_values",
    "an instance of its tests": "probe = Test_square()",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_probe_that_holds_a_secret_is_our_fault_and_never_sent(toy, tmp_path, leak):
    tests = tmp_path / "test_leak.py"
    tests.write_text(
        "import functools\nimport solutions.toy as toy\nfrom solutions.toy import square\n"
        "class Test_square:\n"
        "    def test_values(self, answer):\n        answer(probe)\n"
        f"{LEAKS[leak]}\n"
    )
    seen = []
    source = _Local(lambda *args: seen.append(args) or np.zeros(3))
    judge = JudgeSide(toy)
    assert judge.solutions
    judge.assignment = _WithTests(toy, tests)
    outcomes = HiddenTests(judge).run("square", source)
    assert [one.verdict for one in outcomes] == [Verdict.GRADER_ERROR]
    assert "may not go into the box" in outcomes[0].detail
    assert seen == []


class _WithTests:
    """An assignment with another file of hidden tests."""

    def __init__(self, assignment, tests):
        self._assignment, self.hidden_tests = assignment, tests

    def __getattr__(self, name):
        return getattr(self._assignment, name)


class _Local:
    """Serves a function of this process as the student's."""

    def __init__(self, function):
        self._function = function

    def open(self, exercise):
        return local_channel(self._function, Limits())

    def close(self, exercise, channel):
        channel.sock.close()
