"""The examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import autograder

ENGINE = Path(autograder.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ENGINE.parent).with_suffix("").parts)
    for path in ENGINE.rglob("*.py")
    if "    >>> " in path.read_text(encoding="utf-8")
)
WITH_EXAMPLES = {
    "autograder.answers": ("right", "wrong"),
    "autograder.errors": ("Failure",),
    "autograder.safe_text": ("for_terminal", "for_page", "for_json", "for_cell"),
    "autograder.testing": ("assert_close", "assert_drawn_from", "assert_pure", "callback"),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    outcome = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.IGNORE_EXCEPTION_DETAIL
    )
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_what_is_met_first_has_examples(name):
    module = importlib.import_module(name)
    shown = {one.name for one in doctest.DocTestFinder().find(module) if one.examples}
    assert {f"{name}.{thing}" for thing in WITH_EXAMPLES[name]} <= shown
