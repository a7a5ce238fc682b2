"""A command in a fork of the tests' own process does what it does in a new interpreter."""

import os
import signal

import pytest

from shared.commands import run_forked, run_fresh

CHEAP = {
    "an answer": ["--help"],
    "a wrong word": ["grade", "toy", "--no-such-option"],
    "a broken course": ["build", "toy"],
    "one line on stderr": ["grade", "toy"],
}


@pytest.mark.parametrize("words", CHEAP.values(), ids=CHEAP)
def test_output_and_exit_code_are_those_of_a_new_interpreter(words, toy_copy):
    toy_copy.solutions.write_text("def square(:\n")
    folder = toy_copy.course.root
    before = os.getcwd(), dict(os.environ), signal.getsignal(signal.SIGINT)
    forked, fresh = (run(folder, "autograder", *words) for run in (run_forked, run_fresh))
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        fresh.returncode,
        fresh.stdout,
        fresh.stderr,
    )
    assert forked.stdout or forked.stderr
    assert (os.getcwd(), dict(os.environ), signal.getsignal(signal.SIGINT)) == before
