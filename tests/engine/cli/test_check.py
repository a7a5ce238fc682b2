"""`autograder check` says how long it takes before it begins, apart from what it finds."""

import re
from pathlib import Path

from shared.commands import run_forked

ROOT = Path(__file__).parents[3]
HOW_LONG = r"checking 1 assignment: about \d+ s, more where the machine is busy\n"


def check(root, name):
    return run_forked(root, "autograder", "check", "--no-validate", name)


def test_it_says_first_how_long_it_takes_and_in_the_end_that_all_is_well():
    done = check(ROOT, "a01_pca")
    assert done.returncode == 0, done.stdout
    assert re.match(HOW_LONG, done.stderr)
    assert done.stdout == "1 assignment holds together\n"


def test_a_pipe_gets_what_was_found_and_nothing_else(toy_copy):
    done = check(toy_copy.course.root, "toy")
    assert done.returncode == 1
    assert re.match(HOW_LONG, done.stderr)
    assert done.stdout.startswith("exercise 'cube' has no known other right answer")
    assert done.stdout.count("\n") == 1
