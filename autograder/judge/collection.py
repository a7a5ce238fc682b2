"""Collect an assignment's hidden tests with pytest: their cases and sentences; run none of them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pytest

from autograder.course.parts import TEST_CLASS_PREFIX
from autograder.errors import CourseError

# Each costs time, and none has a part in collecting; the last two collect garbage at the end.
_NEEDLESS = (
    *("cacheprovider", "doctest", "junitxml", "faulthandler"),
    *("threadexception", "unraisableexception"),
)
_OPTIONS = [
    "--collect-only",
    "--quiet",
    "--import-mode=importlib",
    f"--override-ini=python_classes={TEST_CLASS_PREFIX}*",
    "--noconftest",
    "-c",
    "/dev/null",
    *(f"-pno:{name}" for name in _NEEDLESS),
]
# A mark that skips a test or expects it to fail would decide a score.
_KNOWN_MARKS = {"hint", "parametrize"}


@dataclass(frozen=True)
class TestCase:
    """One case of a hidden test; its parametrized cases count together as one test."""

    __test__ = False

    exercise: str
    test: str
    sentence: str
    hint: str
    seed: int
    function: Callable[..., None]
    params: dict[str, Any]
    secret_modules: frozenset[str]

    def run(self, answer: Any) -> None:
        """Run this case on an answer."""
        self.function(answer=answer, **self.params)


def collect_cases(
    path: Path, secret_modules: frozenset[str], options: Sequence[str] = ()
) -> dict[str, list[TestCase]]:
    """Return, by exercise, the cases of the hidden tests in a file, as pytest orders them.

    `options` are further ones for pytest, where it runs in an odd place.
    """
    collector = _Collector()
    forget_namesakes(path)
    with contextlib.redirect_stdout(io.StringIO()) as printed, _without_installed_plugins():
        status = pytest.main([*_OPTIONS, *options, str(path)], plugins=[collector])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        said = [line for line in printed.getvalue().splitlines() if line.startswith("E ")]
        raise CourseError(f"{path} cannot be collected: {' '.join(said).removeprefix('E ')[:500]}")
    cases: dict[str, list[TestCase]] = {}
    for item in collector.items:
        case = case_of(item, path, secret_modules)
        cases.setdefault(case.exercise, []).append(case)
    return cases


def forget_namesakes(path: Path) -> None:
    """Forget other hidden tests of this file's name: pytest would take them for these."""
    for name, module in list(sys.modules.items()):
        if name.rpartition(".")[2] == path.stem and getattr(module, "__file__", None) != str(path):
            del sys.modules[name]


@contextlib.contextmanager
def _without_installed_plugins() -> Iterator[None]:
    """Keep pytest from importing what other packages offer it, which takes half a second."""
    name = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class _Collector:
    """The pytest plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "hint(text): the next step a student reads")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items = [item for item in items if getattr(item, "cls", None) is not None]


def case_of(item: Any, path: Path, secret_modules: frozenset[str]) -> TestCase:
    """Return what pytest collected as a case; refuse what would decide a score by other means."""
    callspec = getattr(item, "callspec", None)
    params = dict(callspec.params) if callspec else {}
    fixtures = {name for name in item.fixturenames if _is_asked_for(item, name)}
    fixtures -= {"answer", *params}
    if fixtures:
        raise CourseError(f"{path}: {item.name} uses {sorted(fixtures)}; it may use `answer` alone")
    marks = {mark.name for mark in item.iter_markers()} - _KNOWN_MARKS
    if marks:
        raise CourseError(f"{path}: {item.name} is marked {sorted(marks)}; only `hint` is known")
    _let_travel(item.module)
    name = item.originalname or item.name
    hint = item.get_closest_marker("hint")
    return TestCase(
        exercise=item.cls.__name__.removeprefix(TEST_CLASS_PREFIX),
        test=name,
        sentence=" ".join((item.function.__doc__ or name).split()),
        hint=hint.args[0] if hint else "",
        seed=int.from_bytes(hashlib.sha256(item.name.encode()).digest()[:4], "big"),
        function=getattr(item.cls(), name),
        params=params,
        secret_modules=secret_modules | {item.module.__name__},
    )


def _is_asked_for(item: Any, fixture: str) -> bool:
    """Say whether a test asks for a fixture, or its file makes one for all: not other plug-ins'."""
    known = item._fixtureinfo.name2fixturedefs.get(fixture, ())
    own_file = item.nodeid.partition("::")[0]
    is_own = any(one.baseid.partition("::")[0] == own_file for one in known)
    return fixture in item._fixtureinfo.argnames or is_own


def _let_travel(module: ModuleType) -> None:
    """Let probe functions of the hidden tests travel by value: the box has no such module."""
    if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
        cloudpickle.register_pickle_by_value(module)
