"""What a notebook's helpers say: calm where nothing is wrong, and nothing stops the notebook."""

import html
import re
import sys
import warnings
from pathlib import Path

import nbformat
import pytest

from autograder.course.made_up import made_up_notebook, read_release

SETUP = Path(__file__).parents[3] / "source/notebook_setup.py"
TOLD = """
_exercises |= {"square": (2, False), "cube": (3, False), "sixth": (1, True)}
_by_hand |= {"why": 4}
def square(x):
    raise NotImplementedError()
def cube(x):
    return x * square(x)
def sixth(x):
    return square(cube(x))
"""


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Return a function that runs cells below the helpers and returns stdout and stderr."""
    monkeypatch.chdir(tmp_path)  # A notebook unpacks its data.
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    namespace = {}

    def run(*cells):
        for cell in cells:
            exec(compile(cell, "cell", "exec"), namespace)
        return capsys.readouterr()

    run(SETUP.read_text(encoding="utf-8"), TOLD)
    namespace["warn"], namespace["speak"] = warn, speak
    return run


def warn():
    # As Python shows a warning; pytest has put its own way in place of that.
    sys.stderr.write(warnings.formatwarning("slow", UserWarning, "toy", 1))


def speak():
    print("0%| | 3/100", file=sys.stderr)


def checking(body, name="square"):
    return f"with check({name!r}):\n    {body}"


@pytest.mark.parametrize("says", ["warn()", "speak()"])
def test_what_an_answer_says_is_no_failure(says, run):
    out, err = run(checking(says))
    assert err == ""
    assert out.endswith(
        "✓ square: the visible checks pass.\n1 of 2 solved, 2 of 5 points\n",
    )


WRONG = {
    "raise AssertionError('2 is not 1')": "✗ square: 2 is not 1",
    "assert False": "✗ square: stopped with AssertionError\n  at line 2 of the check",
    "raise ValueError('odd')": "✗ square: stopped with ValueError: odd\n  at line 2 of the check",
    "int.from_bytes()": "✗ square: stopped with TypeError: ",
    "raise SystemExit": "✗ square: stopped with SystemExit\n",
    "raise BaseException('odd')": "✗ square: stopped with BaseException: odd\n",
    "raise StopIteration": "✗ square: stopped with StopIteration\n",
    # Of a module without `forward`, say: a library's is no exercise that waits.
    "__import__('io').IOBase().seek(0)": "✗ square: stopped with UnsupportedOperation: ",
    "__import__('asyncio').AbstractEventLoop().stop()": (
        "✗ square: stopped with NotImplementedError\n  at line 2 of the check"
    ),
}


@pytest.mark.parametrize("body", WRONG)
def test_what_is_wrong_is_a_failure(body, run):
    out, err = run(checking(f"speak(); {body}"))
    assert err.startswith(WRONG[body])
    assert "0%" in out
    assert out.endswith("0 of 2 solved, 0 of 5 points\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("square", "○ square: not solved yet.\n"),
        ("cube", "○ cube: not solved yet. It waits for square.\n"),
        ("sixth", "○ sixth: not solved yet. It waits for square.\n"),
    ],
)
def test_what_is_not_solved_is_no_error_but_to_validate(name, said, run, monkeypatch):
    cell = checking(f"{name}(2)", name)
    assert run(cell) == (f"{said}0 of 2 solved, 0 of 5 points\n", "")
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    assert run(cell).err == said


@pytest.mark.parametrize("helper", ["check('square')", "waits_for()"])
def test_who_interrupts_is_obeyed(helper, run):
    with pytest.raises(KeyboardInterrupt):
        run(f"with {helper}:\n    raise KeyboardInterrupt")


VALUES = {
    "3": ("2.0", "3"),
    "[1.0, 2.0]": ("shape ()", "shape (2,)"),
    "None": ("numbers of shape ()", "None"),
    "'two'": ("numbers of shape ()", "two"),
    "[[1], [2, 3]]": ("numbers of shape ()", "[[1], [2, 3]]"),
    "float('nan')": ("2.0", "nan"),
}


@pytest.mark.parametrize("value", VALUES)
def test_expected_and_got_stand_on_lines_of_their_own(value, run):
    expected, got = VALUES[value]
    err = run(checking(f"expect({value}, 2.0, 'Two', 'count')")).err
    assert err == (
        f"✗ square: Two\n  expected: {expected}\n  got:      {got}\n  Next step: count.\n"
    )


def test_a_matrix_is_readable(run):
    err = run(checking("expect(np.eye(2), 2 * np.eye(2), 'Twice', 'double')")).err
    assert err.splitlines()[1:5] == [
        "  expected: [[2. 0.]",
        "             [0. 2.]]",
        "  got:      [[1. 0.]",
        "             [0. 1.]]",
    ]


WRONG_ANSWERS = "def square(x):\n    return None\n"
WAITING = {
    "not solved": ("cube(2)", "This cell waits for the exercise square."),
    "stops in it": (
        f"{WRONG_ANSWERS}|cube(2)",
        "This cell waits for square, cube: it stopped with TypeError: unsupported operand type(s) "
        "for *: 'int' and 'NoneType'",
    ),
    "stops in our code": (
        f"{WRONG_ANSWERS}|a, b = square(2)",
        "This cell waits for square: it stopped with TypeError: cannot unpack non-iterable "
        "NoneType object",
    ),
    "stops lines below": (
        f"{WRONG_ANSWERS}|a = square(2)\n    a + 1",
        "This cell waits for square: it stopped with TypeError: unsupported operand type(s) for +: "
        "'NoneType' and 'int'",
    ),
    "through a function": (
        f"{WRONG_ANSWERS}def ours(x):\n    return [square(one) for one in x]\n|ours([1])[0] + 1",
        "This cell waits for square: it stopped with TypeError: unsupported operand type(s) for +: "
        "'NoneType' and 'int'",
    ),
    "needs a cell that stopped": (
        f"{WRONG_ANSWERS}with waits_for():\n    made = square(2) + 1\n|made + 1",
        "This cell waits for square: it stopped with NameError: name 'made' is not defined",
    ),
    "all checks pass": (
        f"{WRONG_ANSWERS}{checking('pass')}\n|square(2) + 1",
        "This cell needs square: it stopped with TypeError: unsupported operand type(s) for +: "
        "'NoneType' and 'int'",
    ),
    "leaves": ("raise SystemExit(3)", "This cell needs cells above: it stopped with SystemExit: 3"),
}


@pytest.mark.parametrize("name", WAITING)
def test_a_picture_says_in_one_line_what_it_needs(name, run):
    before, _, body = WAITING[name][0].rpartition("|")
    out, err = run(before, f"with waits_for():\n    {body}")
    assert out.splitlines()[-1] == WAITING[name][1]
    assert err == ""


def test_the_helpers_keep_their_own_names(run):
    run("np = plt = sys = os = dis = sum = max = len = str = print = next = _show = 0")
    run("def plain(x):\n    return 1\n")
    out, err = run(
        checking("expect(3, 3, 'Three', 'count')"),
        checking("expect(3, 2, 'Two', 'count')", "cube"),
        "with waits_for():\n    cube(2)",
        "progress()",
    )
    assert err.startswith("✗ cube: Two\n")
    assert "✓ square  2 points\n✗ cube    3 points\n" in out


def test_progress_says_how_far_one_is(run):
    run(checking("pass"), checking("pass", "sixth"), checking("1 / 0", "cube"))
    assert run("progress()").out == (
        "✓ square  2 points\n"
        "✗ cube    3 points\n"
        "✓ sixth   1 point, optional\n"
        "1 of 2 solved and 1 optional, 2 of 5 points by the visible checks. "
        "4 more points by hand.\n"
    )


def test_a_check_tried_again_counts_as_it_ends_last(run):
    run(checking("pass"), checking("1 / 0"))
    assert run("progress()").out.startswith("✗ square")


RIGHT, BAD = (
    "def square(x):\n    return x**2\n",
    "def sum_of_squares(x):\n    return '<b onload=a>'\n",
)


@pytest.fixture(scope="module")
def half_done(toy):
    """One right answer, one wrong, two that are not solved."""
    return made_up_notebook(read_release(toy), {"square": RIGHT, "sum_of_squares": BAD})


@pytest.mark.slow
def test_validate_sees_what_is_wrong_and_what_is_not_solved(half_done, tmp_path):
    from nbgrader.validator import Validator
    from traitlets.config import Config

    path = tmp_path / "toy.ipynb"
    nbformat.write(half_done, path)
    # Over TCP each kernel warns that it is not encrypted.
    config = Config({"KernelManager": {"transport": "ipc"}})
    failed = Validator(config=config).validate(str(path))["failed"]
    names = [re.search(r'check\("(\w+)"\)', cell["source"])[1] for cell in failed]
    assert names == ["sum_of_squares", "weighted_energy", "cube"]
    assert [cell["raw_error"][0] for cell in failed] == ["✗", "○", "○"]


@pytest.mark.slow
def test_a_notebook_is_calm_and_readable_as_plain_text(half_done, monkeypatch, tmp_path):
    from nbclient import NotebookClient
    from traitlets.config import Config

    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.chdir(tmp_path)
    config = Config({"KernelManager": {"transport": "ipc"}})
    ran = NotebookClient(half_done, allow_errors=True, config=config).execute()
    shown = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in ran.cells}
    for name, sign in (("square", "✓"), ("weighted_energy", "○")):
        (output,) = shown[f"{name}-tests"].outputs
        assert output.output_type == "display_data"
        assert output.data["text/plain"].startswith(f"{sign} {name}: ")
    red, calm = shown["sum_of_squares-tests"].outputs
    assert (red.name, calm.output_type) == ("stderr", "display_data")
    assert "got:      <b onload=a>" in red.text
    last = shown["progress"].outputs[0].data
    assert last["text/plain"].splitlines()[0] == "✓ square           2 points"
    assert html.unescape(re.sub("<[^>]+>", "", last["text/html"])) == last["text/plain"]
    assert set(re.findall(r"<(\w+)", last["text/html"])) == {"pre", "b"}
    bars = [
        re.search(r"solid (#\w+)", shown[cell].outputs[0].data["text/html"])[1]
        for cell in ("square-tests", "weighted_energy-tests", "progress")
    ]
    assert bars == ["#1f883d", "#6e7781", "#6e7781"]
