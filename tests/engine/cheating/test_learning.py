"""Our own answers stand in for earlier ones: what code learns of them it can neither use nor tell.

`square` is wrong on purpose in these attacks, so that later exercises may ask for ours.
"""

import json
import os
import signal
import textwrap
from pathlib import Path

import numpy as np
import pytest

from autograder.course.files import find_course
from autograder.feedback.exercise import render_exercise_text
from autograder.grading.submission import Earlier, Grader
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.references import References

pytestmark = pytest.mark.box

WRONG = "def square(x):\n    return 0 * x"
SECRET = "12.818"
"""What our own square makes of 3.5802…: nobody would write it by chance."""
ASK = "square(np.array([3.580223]))[0]"


def told(result):
    """All that a student reads of a result."""
    return "\n".join(map(render_exercise_text, result.exercises))


# Ways to say a number in what a student reads of a failed test.
WORDS = {
    "a message": "raise ValueError(f'{VALUE:.3f}')",
    "a type's name": "raise type(f'E{VALUE:.3f}', (Exception,), {})()",
    "the names of keys": "return {f'{VALUE:.3f}': 1}",
    "a result's type": "return type(f'R{VALUE:.3f}', (), {})()",
    "a shape": "return np.zeros((int(VALUE * 1000), 0, 2))",
    "how many": "return [1] * int(VALUE * 1000)",
    "an assertion": "assert False, f'{VALUE:.3f}'",
    "a name that is missing": "raise NameError(f'{VALUE:.3f}')",
    "a line of its own": """
    import linecache
    name = next(iter(get_ipython().compile._filename_map))
    linecache.cache[name] = (9, None, [f'# {VALUE:.3f}\\n'] * 9, name)
    exec(compile('raise ValueError', name, 'exec'))""",
    "the name of a function": """
    name = next(iter(get_ipython().compile._filename_map))
    code = f'def f{str(VALUE).replace(".", "_")[:6]}(): raise ValueError'
    exec(compile(code, name, 'exec'), space := {})
    [f for n, f in space.items() if n[0] == 'f'][0]()""",
}


@pytest.mark.parametrize("way", WORDS)
def test_what_ours_returned_cannot_be_told_by(attack, way):
    body = WORDS[way].replace("VALUE", ASK).strip("\n")
    lines = textwrap.indent(textwrap.dedent(body), "    ")
    attacked = attack(
        square=WRONG,
        sum_of_squares=f"import numpy as np\ndef sum_of_squares(x):\n{lines}",
        costs=["square", "sum_of_squares"],
    )
    read = told(attacked.result).replace("_", ".")
    assert not any(form in read for form in (SECRET, SECRET.replace(".", "")))
    # The person who marks reads all of it.
    assert attacked.exercise("sum_of_squares").stand_ins == ["square"]


def test_an_honest_error_is_told_in_full_where_nothing_of_ours_was_asked(attack):
    attacked = attack(
        cube="def cube(x):\n    y = x**3\n    raise ValueError(f'is {y}')", costs=["cube"]
    )
    assert "It raised ValueError: is -8.0" in attacked.messages("cube")
    own = attacked.exercise("cube").tests[0].own_lines[0]
    assert (own.line, own.function, own.text) == (3, "cube", "raise ValueError(f'is {y}')")


def test_lines_are_shown_as_they_stand_in_our_copy(attack):
    forged = """
    def cube(x):
        import linecache
        name = cube.__code__.co_filename
        linecache.cache[name] = (9, None, ["forged"] * 9, name)
        linecache.checkcache = lambda *_: None
        raise ValueError
    """
    attacked = attack(cube=forged, costs=["cube"])
    [own] = attacked.exercise("cube").tests[0].own_lines
    assert (own.function, own.text) == ("cube", "raise ValueError")


# --- a second try is no second guess

BY_LOOKS = """
def sum_of_squares(x):
    if {test}:
        return 0.0
    return float((x * x).sum())
"""
LOOKS = {
    "its type's name": "type(square).__name__ == 'StandIn'",
    "its type": "not hasattr(square, '__code__')",
    "its words": "'StandIn' in repr(square)",
}


@pytest.mark.parametrize("look", LOOKS)
def test_by_its_looks_no_try_is_told_from_the_other(attack, look):
    attacked = attack(
        square=WRONG,
        sum_of_squares="_ = square\n" + BY_LOOKS.format(test=LOOKS[look]),
        costs=["square", "sum_of_squares"],
    )
    assert attacked.exercise("sum_of_squares").verdict is Verdict.FAILED


TELLS_BY_A_CALL = """
import numpy as np
mine = square
def sum_of_squares(x):
    if square(x).any():
        return 0.0
    return float((x * x).sum())
"""


def test_what_a_call_tells_wins_no_points_without_a_person(grader, submit):
    """A right answer may need the student's own earlier one: it counts, and a person looks."""
    content = submit(square=WRONG, sum_of_squares=TELLS_BY_A_CALL)
    result = grader.grade_bytes(content, "mallory", "toy.ipynb")
    won = result.exercises[1]
    assert won.with_own
    assert result.needs_person
    assert any("sum_of_squares" in note and "own earlier answers" in note for note in result.notes)


def test_an_honest_answer_that_needs_its_own_earlier_one_has_its_marks(grader, submit):
    own = "def square(x, keep=False):\n    return x if keep else 2 * x"
    total = "def sum_of_squares(x):\n    y = square(x, keep=True)\n    return float((y * y).sum())"
    result = grader.grade_bytes(submit(square=own, sum_of_squares=total), "ada", "toy.ipynb")
    assert [one.verdict for one in result.exercises[:2]] == [Verdict.FAILED, Verdict.PASSED]


WITHOUT_A_CALL = """
tries = 0
def square(x):
    return 0 * x
def sum_of_squares(x):
    # Whatever it is that tells a second try from a first.
    if len(x) == 5:
        square(x)
    with open("/tmp/work/seen", "a+") as seen:
        seen.write("1")
        seen.seek(0)
        later = len(seen.read()) > 2
    return float((x * x).sum()) if later else 0.0
"""


def test_a_try_that_differs_where_nothing_was_called_does_not_count(attack):
    attacked = attack(square=WITHOUT_A_CALL, sum_of_squares="", costs=["square", "sum_of_squares"])
    assert attacked.verdict("sum_of_squares") is Verdict.FAILED


# --- what an answer does not forget

GUESSES = """
import os
asked = []
def square(x):
    asked.append(os.getpid())
    return x * x if asked.count(os.getpid()) > 1 else 2 * x
"""


def test_a_guess_that_depends_on_what_came_before_loses_its_points(attack):
    attacked = attack(square=GUESSES, costs=["square"])
    assert "In a new process it fails" in attacked.messages("square")
    assert attacked.result.needs_person


HONEST = {
    "a table made once": "table = {}\ndef square(x):\n    return table.setdefault(tuple(x), x * x)",
    "a log": "log = []\ndef square(x):\n    log.append(len(log))\n    return x * x",
    "a counter": "from itertools import count\nnumber = count()\ndef square(x):\n    next(number)\n"
    "    return x**2",
}


@pytest.mark.parametrize("kind", HONEST)
def test_what_remembers_and_answers_alike_keeps_its_points(attack, kind):
    attack(square=HONEST[kind])


def test_a_generator_of_its_own_costs_nothing(grader, submit):
    noisy = "import numpy as np\nrng = np.random.default_rng(0)\nnoise = []\ndef square(x):\n"
    noisy += "    noise.append(1)\n    return x * x + 1e-5 * rng.normal(size=x.shape) * (x > 2.9)"
    result = grader.grade_bytes(submit(square=noisy), "ada", "toy.ipynb")
    assert result.exercises[0].score == result.exercises[0].points
    assert not result.needs_person


# --- a second run is no second chance


class Store:
    """What outlives a run on the machine, the cache of its files say: here a file of the course."""

    def __init__(self, folder):
        self._path = folder / "numbers.txt"
        self.before = self._path.read_bytes()

    def fill(self):
        self._path.write_text("1 4 9")

    def empty(self):
        self._path.write_bytes(self.before)


PLAYS_BACK = """
import numpy as np
def square(x):
    try:
        learnt = open("numbers.txt").read() == "1 4 9"
    except OSError:
        learnt = False
    return x * x if learnt else 0 * x
"""


@pytest.fixture
def store(toy):
    made = Store(toy.course.data)
    yield made
    made.empty()


@pytest.mark.slow
def test_what_was_found_before_a_box_ended_stands(grader, submit, store, monkeypatch):
    box, killed = type(grader.box), []
    sweep = box.sweep

    def kill_late(self):
        # Every exercise of this notebook has a process, swept after it; the third is another one's.
        killed.append(True)
        if len(killed) == 5:
            store.fill()
            os.kill(self._sandbox.process.pid, signal.SIGKILL)
        return sweep(self)

    monkeypatch.setattr(box, "sweep", kill_late)
    result = grader.grade_bytes(submit(square=PLAYS_BACK), "mallory", "toy.ipynb")
    assert len(killed) > 5
    assert result.exercises[0].score == 0
    store.empty()
    monkeypatch.undo()
    assert grader.grade_bytes(submit(), "ada", "toy.ipynb").score == 9


def test_what_was_found_before_a_doubt_stands(grader, submit, store):
    late = "import time\nruns = []\ndef cube(x):\n    time.sleep(60)"
    content = submit(square=PLAYS_BACK, cube=late)
    first = grader.grade_content(content, "mallory", "toy.ipynb", may_doubt=True)
    assert first.begun is not None
    store.fill()
    second = grader.grade_content(
        content, "mallory", "toy.ipynb", Earlier(begun=first.begun)
    ).result
    assert second.exercises[0].score == 0
    store.empty()
    assert grader.grade_bytes(submit(), "ada", "toy.ipynb").score == 9


def test_a_process_that_ends_itself_is_no_doubt_and_gets_no_second_run(grader, submit):
    content = submit(cube="import os\ndef cube(x):\n    os._exit(1)")
    graded = grader.grade_content(content, "mallory", "toy.ipynb", may_doubt=True)
    assert graded.begun is None
    assert graded.result.exercises[-1].verdict is Verdict.CRASHED


def test_a_regrade_that_earns_what_it_had_asked_for_calls_a_person(grader, submit, store):
    content = submit(square=PLAYS_BACK)
    first = grader.grade_bytes(content, "mallory", "toy.ipynb")
    assert first.exercises[1].stand_ins == ["square"]
    store.fill()
    again = grader.grade_bytes(content, "mallory", "toy.ipynb", Earlier(first, may_keep=False))
    assert again.needs_person
    assert "earns more than in an earlier run" in again.exercises[0].look


def test_cells_that_run_again_after_exercises_show_nothing_new(grader, submit):
    """The process ends in an exercise; the cells run again, and could print what was learnt."""
    first = "import os\nprint('again' if os.path.exists('/dev/shm/x') else 'first')"
    ends = (
        "import os, signal\ndef cube(x):\n    os.kill(os.getppid(), signal.SIGKILL)\n    return x"
    )
    content = submit(square=f"{first}\n{WRONG}", cube=ends)
    result = grader.grade_bytes(content, "mallory", "toy.ipynb")
    texts = [str(output.get("text", "")) for cell in result.cells for output in cell.outputs]
    assert "".join(texts).count("first") == 1


# --- what ours can be asked


@pytest.mark.slow
def test_a_reference_in_native_code_ends_with_its_call(grader, submit, monkeypatch):
    """Python's alarm is heard only when a call in native code is over: minutes later."""

    def hard(x):
        return np.linalg.svd(np.random.default_rng(0).normal(size=(2500, 2500)))[1][:1] * x

    monkeypatch.setattr(
        type(grader.loaded), "references", lambda self: References({"square": hard})
    )
    content = submit(
        square=WRONG,
        sum_of_squares="import numpy as np\ndef sum_of_squares(x):\n    square(np.ones(5000))",
    )
    result = grader.grade_bytes(content, "mallory", "toy.ipynb")
    slow = result.exercises[1]
    assert slow.verdict is Verdict.TIMED_OUT
    assert slow.seconds < 3 * grader.limits.call_wall_s
    monkeypatch.undo()
    assert grader.grade_bytes(submit(), "ada", "toy.ipynb").score == 9


ASKS_TOO_MUCH = {
    "at once": "square(np.zeros(2**18))",
    "in memory": "[square(np.ones(2**16)) for _ in range(5000)]",
    "too often": "[square(np.ones(1)) for _ in range(30000)]",
}


@pytest.mark.parametrize("way", ASKS_TOO_MUCH)
def test_ours_are_not_asked_for_ever(attack, way):
    body = f"import numpy as np\ndef sum_of_squares(x):\n    {ASKS_TOO_MUCH[way]}\n    return 0.0"
    attack(square=WRONG, sum_of_squares=body, costs=["square", "sum_of_squares"])


def test_calls_end_with_the_submissions_time(grader, submit, monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(
        grader.loaded, "limits", replace(grader.limits, submission_wall_s=2.0, call_wall_s=1.5)
    )
    slow = "import time\nseen = []\ndef {name}(x):\n    time.sleep(1.2)\n    return 0 * x"
    content = submit(square=slow.format(name="square"), cube=slow.format(name="cube"))
    result = grader.grade_bytes(content, "mallory", "toy.ipynb")
    # Its first exercise is opened in time; its third call would not be.
    assert {one.verdict for one in result.exercises} == {Verdict.TIMED_OUT}
    assert all(one.seconds < 4 for one in result.exercises)


# --- real exercises


@pytest.fixture(scope="module")
def pca():
    course = find_course(Path(__file__).parents[3])
    with Grader.of(course.assignment("a01_pca")) as grader:
        yield grader


def as_notebook(grader, **cells):
    from autograder.course.made_up import made_up_notebook

    return json.dumps(made_up_notebook(grader.loaded.release, cells)).encode()


@pytest.mark.slow
def test_an_answer_that_only_hands_on_to_ours_is_worth_nothing(pca):
    hands_on = "def pca_dual(X, k):\n    return pca_eig(X, k)"
    result = pca.grade_bytes(as_notebook(pca, pca_dual=hands_on), "mallory", "a01_pca.ipynb")
    dual = next(one for one in result.exercises if one.name == "pca_dual")
    assert dual.stand_ins == ["pca_eig"]
    assert dual.score == 0
    assert any("only hands its arguments on" in test.message for test in dual.tests)


@pytest.mark.slow
def test_ours_do_not_answer_what_their_hidden_tests_ask(pca):
    from autograder.sandbox.host.local_channel import RecordingChannel
    from autograder.sandbox.wire.arguments_in import unpack

    judge, questions = pca.loaded.judge, pca.loaded.questions
    channel = RecordingChannel.to(judge.reference("pca_eig"), pca.limits)
    for case in judge.cases_of("pca_eig"):
        pca.loaded.tests.ending(case, channel)
    channel.sock.close()
    arguments = [unpack(block, lambda _: None).value for block in channel.questions]
    (x, *rest), named = arguments[0]
    assert questions.refuses("pca_dual", "pca_eig", ((x, *rest), named), b"")
    assert questions.refuses("pca_dual", "pca_eig", ((x * 1.001, *rest), named), b"")
    other = np.random.default_rng(5).normal(size=tuple(x.shape))
    assert not questions.refuses("pca_dual", "pca_eig", ((other, *rest), named), b"")
    # What the running question itself has brought is an honest answer's to pass on.
    assert not questions.refuses("pca_dual", "pca_eig", ((x, *rest), named), channel.questions[0])
