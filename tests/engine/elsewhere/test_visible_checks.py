"""What an answer says on stderr is no failure of its visible check; a failed check still is one."""

import sys
import warnings
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[3] / "source/notebook_setup.py"


@pytest.fixture(scope="module")
def check():
    """The notebook's own `check`."""
    helpers = {}
    exec(compile(SETUP.read_text(encoding="utf-8"), SETUP, "exec"), helpers)
    return helpers["check"]


def warn():
    # As Python shows a warning; pytest has put its own way in place of that.
    sys.stderr.write(warnings.formatwarning("slow", UserWarning, "toy", 1))


def speak():
    print("0%| | 3/100", file=sys.stderr)


@pytest.mark.parametrize("says", [warn, speak])
def test_what_an_answer_says_is_no_failure(says, check, capsys):
    with check("square"):
        says()
    out, err = capsys.readouterr()
    assert err == ""
    assert out.endswith("✓ square: the visible checks pass.\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AssertionError("expected 1, got 2"), "✗ square: expected 1, got 2"),
        (ValueError("odd"), "✗ square: stopped with ValueError: odd"),
        (NotImplementedError(), "○ square: not solved yet."),
    ],
    ids=["wrong", "stopped", "unsolved"],
)
def test_a_failed_check_is_a_failure(error, said, check, capsys):
    with check("square"):
        speak()
        raise error
    out, err = capsys.readouterr()
    assert said in err
    assert "0%" in out
