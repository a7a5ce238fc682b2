"""nbgrader's own way: a judge apart, so that the process that asks stays small, quick and alive."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from autograder.grading.begun import Begun
from autograder.grading.events import Died, Done, Failed
from autograder.grading.judge_orders import Order, Setting
from autograder.grading.judge_process import JudgeProcesses
from autograder.results.document import parse_result, read_result
from autograder.results.verdicts import Verdict
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits
from shared.commands import run_fresh

pytestmark = [pytest.mark.box, pytest.mark.slow]

SOON_S = 90
LIMITS = Limits(call_wall_s=5, cell_wall_s=10, memory_mb=300, submission_wall_s=25)
CONFIGURED = "".join(
    f"c.Limits.{name} = {getattr(LIMITS, name)}\n"
    for name in ("call_wall_s", "cell_wall_s", "memory_mb", "submission_wall_s")
)
# Whatever the course's own hidden test does with a result, here it takes minutes in native code.
SLOW_TEST = """
        import numpy as np
        size = min(abs(int(answer(-2.0))), 9000)
        np.linalg.eigvalsh(np.random.default_rng(0).normal(size=(size, size)))
"""
HANGS = "def cube(x):\n    return 9000.0"
# One array of 60 MB, named forty times in one reply.
NAMES_ONE_ARRAY_OFTEN = """
import socket, sys
import numpy as np
import safetensors.numpy
from autograder.sandbox.wire.frames import send_frame
def judge():
    frame = sys._getframe()
    while frame is not None:
        for sock in (frame.f_locals.get("sock"), getattr(frame.f_locals.get("line"), "_sock", 0)):
            if isinstance(sock, socket.socket):
                return sock
        frame = frame.f_back
def cube(x):
    block = safetensors.numpy.save({"0": np.ones(60 * 2**17)})
    often = {"kind": "list", "value": [{"kind": "tensor", "value": "0"}] * 40}
    send_frame(judge(), {"reply": "value", "value": often, "changes": []}, block)
    return 0.0
"""
# What a page of formgrader does: it asks in a thread of the server that everybody uses.
SERVER = """
import json, sys, threading, time
from pathlib import Path
from autograder.course.files import find_course
from autograder.nbgrader_plugin.fresh_results import fresh_result
try:
    from autograder.grading import judge_life, judge_process
    judge_life._MARGIN_S, judge_process.MAX_TRIES = 5.0, 2
except ImportError:
    pass
def peak_mb():
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) // 1024
assignment = find_course(Path(sys.argv[1])).assignment("toy")
students, results, longest_s = sys.argv[2:], {}, 0.0
def ask(student):
    results[student] = fresh_result(assignment, student).model_dump(mode="json")
threads = [threading.Thread(target=ask, args=(student,)) for student in students]
before = peak_mb()
for thread in threads:
    thread.start()
while any(thread.is_alive() for thread in threads):
    began = time.monotonic()
    time.sleep(0.01)
    longest_s = max(longest_s, time.monotonic() - began)
print(json.dumps({"results": results, "grown_mb": peak_mb() - before, "longest_s": longest_s,
                  "has_torch": "torch" in sys.modules}))
"""


@pytest.fixture
def course(toy_copy):
    """The toy course with short limits, and a hidden test that a result can make endless."""
    sentence = '"""Numbers of both signs are cubed."""'
    tests = toy_copy.hidden_tests
    tests.write_text(tests.read_text().replace(sentence, sentence + SLOW_TEST))
    configuration = toy_copy.course.root / "nbgrader_config.py"
    configuration.write_text(configuration.read_text() + CONFIGURED)
    return toy_copy


@pytest.fixture
def served(course):
    """Return a function that has students graded by a server's threads, all at once."""

    def served(*students):
        done = subprocess.run(
            [sys.executable, "-c", SERVER, course.course.root, *students],
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * (LIMITS.submission_wall_s + 5) + 2 * SOON_S,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return served


def scores(result):
    return {one["name"]: one["score"] for one in result["exercises"]}


def test_a_server_stays_small_and_answers_whatever_it_grades(served, handed_in):
    handed_in("mallory", cube=NAMES_ONE_ARRAY_OFTEN)
    handed_in("ada")
    told = served("mallory", "ada")
    assert not told["has_torch"]
    assert told["grown_mb"] < 100
    assert told["longest_s"] < 2
    assert scores(told["results"]["mallory"])["cube"] == 0.0
    ada = told["results"]["ada"]
    assert (ada["score"], ada["extra_credit"], ada["needs_person"]) == (9.0, 1.0, False)


def test_an_endless_call_costs_its_own_submission_and_calls_a_person(served, handed_in, course):
    handed_in("mallory", cube=HANGS)
    began = time.monotonic()
    mallory = served("mallory")["results"]["mallory"]
    assert time.monotonic() - began < 2 * (LIMITS.submission_wall_s + 5) + SOON_S
    assert mallory["needs_person"]
    assert scores(mallory)["cube"] == 0.0
    assert {one["name"]: one["verdict"] for one in mallory["exercises"]}["cube"] == "TIMED_OUT"
    assert read_result(course.result("mallory")).notes == [
        "its judge did not end in time, and was ended"
    ]


def test_nbgrader_goes_on_with_the_next_student_and_leaves_no_judge_behind(course, handed_in):
    handed_in("ada")
    handed_in("mallory", cube="import os\ndef cube(x):\n    os._exit(1)")
    handed_in("zoe")
    root = course.course.root
    done = run_fresh(root, "nbgrader", "generate_assignment", "toy", "--force")
    assert done.returncode == 0, done.stderr
    done = run_fresh(root, "nbgrader", "autograde", "toy")
    assert done.returncode == 0, done.stderr
    results = {name: read_result(course.result(name)) for name in ("ada", "mallory", "zoe")}
    assert [results[name].score for name in results] == [9.0, 9.0, 9.0]
    assert {one.name: one.verdict for one in results["mallory"].exercises}["cube"] == "CRASHED"
    assert processes_of(root) == []


def processes_of(root):
    """Return the judges that were started in a course's folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            is_judge = "autograder.grading.judge_main" in process.cmdline()
            if is_judge and process.cwd() == str(root):
                found.append(process)
    return found


# -- the judges themselves --


@pytest.fixture
def judges():
    """Judges that do not outlive the test."""
    judges = JudgeProcesses()
    yield judges
    judges.close()
    assert judge_pids() == []


def judge_pids():
    """Return the judges that this process has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "autograder.grading.judge_main" in child.cmdline():
                found.append(child.pid)
    return found


def boxes_below(pid):
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def wait_for(what):
    deadline = time.monotonic() + SOON_S
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@pytest.fixture
def setting(course):
    return Setting.of(course, Isolation.BOX, LIMITS)


@pytest.fixture
def order(submit):
    """Return a function that makes the order to grade a submission."""

    def make(student="ada", may_doubt=False, **cells):
        return Order(student, "toy.ipynb", submit(**cells), may_doubt=may_doubt)

    return make


def result_of(answer):
    assert isinstance(answer, Done), answer
    assert isinstance(answer.result, bytes)
    return parse_result(answer.result)


def test_one_judge_grades_one_after_the_other_and_ends_when_it_is_let_go(judges, setting, order):
    first = result_of(judges.grade(setting, order(), 1))
    (pid,) = judge_pids()
    assert boxes_below(pid)
    second = result_of(judges.grade(setting, order("bob"), 1))
    assert (first.student, first.score) == ("ada", 9.0)
    assert (second.student, second.score) == ("bob", 9.0)
    assert judge_pids() == [pid]
    started = boxes_below(pid)
    judges.close()
    _, alive = psutil.wait_procs(started, timeout=SOON_S)
    assert (judge_pids(), alive) == ([], [])


def test_two_threads_at_once_get_a_judge_each_and_their_own_results(judges, setting, order):
    answers = {}

    def ask(name):
        answers[name] = judges.grade(setting, order(name), 1)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("ada", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: result_of(answers[name]).student for name in answers} == {
        "ada": "ada",
        "bob": "bob",
    }
    assert len(judge_pids()) == 2


def test_a_judge_that_dies_costs_a_retry_and_one_that_always_dies_calls_a_person(
    judges, setting, order
):
    slow = order(square="import time\ntime.sleep(3)\ndef square(x):\n    return x * x")
    once = threading.Thread(target=lambda: os.kill(wait_for(judge_pids)[0], signal.SIGKILL))
    once.start()
    assert result_of(judges.grade(setting, slow, 1)).score == 9.0
    once.join()
    is_over = threading.Event()

    def kill_all():
        while not is_over.wait(0.02):
            for pid in judge_pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_all)
    killer.start()
    died = judges.grade(setting, slow, 1)
    is_over.set()
    killer.join()
    assert isinstance(died, Died)
    assert not died.was_late
    result = parse_result(judges.unfinished(setting, died, "it died", 1))
    assert (result.score, result.verdict) == (0.0, Verdict.GRADER_ERROR)
    assert (result.needs_person, result.notes) == (True, ["it died"])


def test_what_was_found_before_stands_in_the_result_of_what_was_not_finished(
    judges, setting, order, grader, submit
):
    graded = grader.grade_bytes(submit(), "ada", "toy.ipynb")
    begun = Begun(exercises=graded.exercises[:2], cells=graded.cells)
    died = Died(replace(order(), begun=begun), [Begun(exercises=graded.exercises[2:3])], True)
    result = parse_result(judges.unfinished(setting, died, "it was late", 1))
    assert result.exercises[:3] == graded.exercises[:3]
    assert (result.score, result.extra_credit, result.cells) == (9.0, 0.0, graded.cells)
    assert result.exercises[3].verdict is Verdict.TIMED_OUT
    assert result.needs_person
    # It is the result of this very file, and is not tried again by itself.
    assert result.key.submission == graded.key.submission
    assert not result.outdated_by(result.key)


def test_what_is_in_doubt_comes_back_as_what_stands_of_it(judges, setting, order):
    crash = "import os\ndef cube(x):\n    os._exit(1)"
    answer = judges.grade(setting, order(may_doubt=True, cube=crash), 1)
    if isinstance(answer.result, Begun):
        again = replace(order(cube=crash), begun=answer.result)
        answer = judges.grade(setting, again, 1)
    assert result_of(answer).score == 9.0


def test_a_course_that_cannot_be_loaded_says_why(judges, course, setting, order):
    course.hidden_tests.write_text("raise ZeroDivisionError")
    failed = judges.grade(setting, order(), 1)
    assert isinstance(failed, Failed)
    assert "ZeroDivisionError" in str(failed.failure)


def test_a_judge_ends_with_its_starter_whatever_it_does(course, handed_in):
    handed_in("mallory", cube=HANGS)
    patient = SERVER.replace("5.0, 2", "600.0, 2")
    server = subprocess.Popen(
        [sys.executable, "-c", patient, course.course.root, "mallory"], stdout=subprocess.DEVNULL
    )
    try:
        below = psutil.Process(server.pid)
        # The judge computes for minutes in native code once its box has said what it had to.
        wait_for(lambda: any(uses_much_time(one) for one in below.children(recursive=True)))
        started = below.children(recursive=True)
    finally:
        server.kill()
        server.wait()
    _, alive = psutil.wait_procs(started, timeout=SOON_S)
    assert alive == []


def uses_much_time(process):
    with contextlib.suppress(psutil.Error):
        is_judge = "autograder.grading.judge_main" in process.cmdline()
        return is_judge and process.memory_info().rss > 600 * 2**20
    return False
