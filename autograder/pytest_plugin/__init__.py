"""Hidden tests are plain pytest: `pytest tests/hidden/test_a03_vae.py`, with all it can do.

`answer` is the reference, in this process, unless `--answers` says otherwise: the name of a known
answer, which runs here too, or a student's notebook, which runs in the box. Verdicts are those of
`autograder grade`; each report bears its own as the property `verdict`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autograder.course.files import Assignment
    from autograder.judge.answer import Answer
    from autograder.judge.collection import TestCase
    from autograder.pytest_plugin.sources import Sources

_CASE: pytest.StashKey[TestCase] = pytest.StashKey()
_ANSWER: pytest.StashKey[Answer] = pytest.StashKey()
_SOURCES: pytest.StashKey[Sources] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--answers`."""
    group = parser.getgroup("autograder", "hidden tests of an autograder course")
    group.addoption(
        "--answers",
        metavar="ANSWERS",
        help="What hidden tests try in place of the reference: a known answer of tests/answers/ "
        "(kl_standard__no_half), or a student's notebook (some.ipynb), in the box.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the hint's mark known."""
    config.addinivalue_line("markers", "hint(text): the next step a student reads")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what student code runs in."""
    sources = config.stash.get(_SOURCES, None)
    if sources is not None:
        sources.close()


def _assignment_of(path: Path) -> Assignment | None:
    """Return the assignment whose hidden tests a file holds, where it holds any."""
    from autograder.course.files import CONFIG_NAME, Course
    from autograder.errors import CourseError

    is_hidden = path.parts[-3:-1] == ("tests", "hidden") and path.stem.startswith("test_")
    if not is_hidden or not (path.parents[2] / CONFIG_NAME).is_file():
        return None
    try:
        return Course(path.parents[2]).assignment(path.stem.removeprefix("test_"))
    except CourseError:
        return None


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """Import the reference answers by the name that hidden tests import them by."""
    from autograder.errors import AutograderError

    assignment = _assignment_of(module_path)
    if assignment is None:
        return
    import autograder.lean_start  # noqa: F401  Before numpy and torch.
    from autograder.course.loading import load_solutions
    from autograder.judge.collection import forget_namesakes

    forget_namesakes(module_path)
    try:
        load_solutions(assignment)
    except AutograderError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse what grading would refuse; leave out what the answers do not answer."""
    from autograder.errors import AutograderError

    hidden = [(item, _assignment_of(item.path)) for item in items]
    if not any(assignment for _, assignment in hidden):
        return
    from autograder.judge.collection import case_of
    from autograder.pytest_plugin.sources import Sources

    try:
        sources = Sources(config.getoption("--answers"), _is_debugged(config))
        left_out = []
        for item, assignment in hidden:
            if assignment is None or getattr(item, "cls", None) is None:
                continue
            sources.take(assignment)
            case = case_of(item, item.path, frozenset({f"solutions.{assignment.name}"}))
            item.stash[_CASE] = case
            if not sources.answers(assignment, case.exercise):
                left_out.append(item)
        sources.check()
    except AutograderError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_SOURCES] = sources
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _is_debugged(config: pytest.Config) -> bool:
    return bool(config.getoption("usepdb", False) or config.getoption("trace", False))


@pytest.fixture
def answer(request: pytest.FixtureRequest) -> Answer:
    """The function that a hidden test tries, as it sees it in grading."""
    node: Any = request.node
    case = node.stash.get(_CASE, None)
    assignment = _assignment_of(node.path)
    if case is None or assignment is None:
        pytest.fail("`answer` is for hidden tests: tests/hidden/test_<assignment>.py of a course")
    node.stash[_ANSWER] = request.config.stash[_SOURCES].answer(assignment, case)
    return node.stash[_ANSWER]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Run a hidden test as grading does: seeded, and deaf to warnings."""
    case = pyfuncitem.stash.get(_CASE, None)
    if case is None:
        return (yield)
    from autograder.sandbox.seeds import seed_everything

    seed_everything(case.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add the verdict, and what a student would read."""
    report: Any = yield
    case = item.stash.get(_CASE, None)
    if case is None or call.when != "call":
        return report
    from autograder.judge.hidden_tests import ending_of

    asked = item.stash.get(_ANSWER, None)
    ending = ending_of(None if call.excinfo is None else call.excinfo.value, asked)
    ending = item.config.stash[_SOURCES].explained(case.exercise, ending)
    item.user_properties.append(("verdict", str(ending.verdict)))
    report.user_properties = item.user_properties
    if call.excinfo is not None:
        told = f"{case.sentence}\n{ending.verdict}: {ending.message}\nNext step: {case.hint}"
        report.sections.append(("what the student reads", told))
    return report
