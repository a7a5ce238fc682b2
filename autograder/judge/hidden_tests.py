"""Run hidden tests with pytest, each against an `answer`; report what became of every one."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from autograder.box.calls import seed_everything
from autograder.judge.answer import Answer, Recorded
from autograder.judge.assignment_tests import CLASS_PREFIX, JudgeSide, TestCase
from autograder.judge.channel import Channel
from autograder.judge.failures import AnswerCrashed, AnswerFailure, OwnLine
from autograder.verdicts import Verdict, worst
from autograder.wire.inbound import HostileReply

_PYTEST_OPTIONS = [
    "--quiet",
    "--import-mode=importlib",
    "--override-ini=python_classes=Test_*",
    "--override-ini=filterwarnings=default",
    # Explaining with source lines parses the test file for every frame: 0.2 s a failure.
    "--tb=native",
    "--noconftest",
    "-c",
    "/dev/null",
    "-p",
    "no:cacheprovider",
    # At the end of each run this plugin collects garbage: 0.3 s with torch loaded.
    "-p",
    "no:unraisableexception",
    "-p",
    "no:threadexception",
    "-p",
    "no:doctest",
    "-p",
    "no:junitxml",
    "-p",
    "no:faulthandler",
    "-p",
    "no:debugging",
    "-p",
    "no:logging",
    "-p",
    "no:capture",
]


@dataclass
class TestOutcome:
    """How one hidden test ended; its parametrized cases count together."""

    __test__ = False

    name: str
    sentence: str
    hint: str = ""
    verdict: Verdict = Verdict.PASSED
    message: str = ""
    """For the student: never an expected value, never test code."""
    own_lines: tuple[OwnLine, ...] = ()
    detail: str = ""
    """For the TA's log: pytest's own explanation."""
    seconds: float = 0.0
    recorded: list[Recorded] = field(default_factory=list)


class AnswerSource(Protocol):
    """Where the channel to an exercise's function comes from."""

    def open(self, exercise: str, so_far: dict[str, list[TestOutcome]]) -> Channel: ...

    def close(self, exercise: str, channel: Channel) -> None: ...


def run_hidden_tests(
    judge: JudgeSide,
    exercises: list[str],
    source: AnswerSource,
    expectations: dict[str, Any],
) -> dict[str, list[TestOutcome]]:
    """Run the hidden tests of these exercises, in this order; return their outcomes."""
    runner = _Runner(judge, exercises, source, expectations)
    arguments = [*_PYTEST_OPTIONS, str(judge.assignment.hidden_tests)]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        pytest.main(arguments, plugins=[runner])
    runner.close()
    for exercise in exercises:
        if not runner.outcomes[exercise]:
            lines = printed.getvalue().strip().splitlines()[-15:]
            runner.outcomes[exercise] = [
                TestOutcome(
                    "collection",
                    "The hidden tests of this exercise run.",
                    verdict=Verdict.GRADER_ERROR,
                    detail="\n".join(lines),
                )
            ]
    return runner.outcomes


def make_answer(
    judge: JudgeSide,
    exercise: str,
    channel: Channel,
    case: TestCase,
    expectations: dict[str, Any],
) -> Answer:
    """Return the `answer` of one case of a hidden test; seed the test's own generators."""
    seed_everything(case.seed)
    reference = judge.reference(exercise)
    return Answer(exercise, channel, reference, case.seed, case.secret_modules, expectations)


class _Runner:
    """The pytest plugin: offers `answer`, orders the tests, and keeps their outcomes."""

    def __init__(
        self,
        judge: JudgeSide,
        exercises: list[str],
        source: AnswerSource,
        expectations: dict[str, Any],
    ) -> None:
        self._judge = judge
        self._exercises = exercises
        self._source = source
        self._expectations = expectations
        self._open: tuple[str, Channel] | None = None
        self.outcomes: dict[str, list[TestOutcome]] = {name: [] for name in exercises}

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "hint(text): the next step a student reads")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {name: number for number, name in enumerate(self._exercises)}
        kept = [item for item in items if _exercise_of(item) in order]
        kept.sort(key=lambda item: order[_exercise_of(item)])
        items[:] = kept
        self._judge.cases.update({name: [] for name in self._exercises})
        for item in kept:
            self._judge.trust_test_module(item.module)  # type: ignore[attr-defined]
            self._judge.cases[_exercise_of(item)].append(self._case(item))

    def _case(self, item: Any) -> TestCase:
        callspec = getattr(item, "callspec", None)
        return TestCase(
            test=item.originalname or item.name,
            seed=int.from_bytes(hashlib.sha256(item.name.encode()).digest()[:4], "big"),
            function=getattr(item.cls(), item.originalname or item.name),
            params=dict(callspec.params) if callspec else {},
            secret_modules=frozenset({item.module.__name__, self._judge.solutions.__name__}),
        )

    @pytest.fixture
    def answer(self, request: pytest.FixtureRequest) -> Iterator[Answer]:
        """The student's function of the test's exercise."""
        item = request.node
        exercise = _exercise_of(item)
        channel = self._channel(exercise)
        if channel.ended_by is not None:
            raise channel.ended_by
        answer = make_answer(self._judge, exercise, channel, self._case(item), self._expectations)
        yield answer
        channel.forget()
        _outcome_of(self.outcomes[exercise], item).recorded += answer.recorded

    def _channel(self, exercise: str) -> Channel:
        if self._open is not None and self._open[0] != exercise:
            self.close()
        if self._open is None:
            self._open = (exercise, self._source.open(exercise, self.outcomes))
        return self._open[1]

    def close(self) -> None:
        """Hang up on the exercise that is still open."""
        if self._open is not None:
            exercise, channel = self._open
            self._open = None
            self._source.close(exercise, channel)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        report: Any = yield  # type: ignore[misc]
        outcome = _outcome_of(self.outcomes[_exercise_of(item)], item)
        outcome.seconds += call.duration
        if call.excinfo is not None:
            _take_failure(outcome, call.excinfo.value, _explanation(report))
        return report  # type: ignore[return-value]


def _explanation(report: Any) -> str:
    return str(report.longreprtext)[-6000:]


def _exercise_of(item: pytest.Item) -> str:
    name = item.cls.__name__ if item.cls else ""  # type: ignore[attr-defined]
    return str(name.removeprefix(CLASS_PREFIX))


def _outcome_of(outcomes: list[TestOutcome], item: pytest.Item) -> TestOutcome:
    """Return the outcome of an item's test function, made where it is the first of its cases."""
    name = item.originalname or item.name  # type: ignore[attr-defined]
    for outcome in outcomes:
        if outcome.name == name:
            return outcome
    hint = item.get_closest_marker("hint")
    function: Callable[..., Any] = item.function  # type: ignore[attr-defined]
    sentence = " ".join((function.__doc__ or name).split())
    outcomes.append(TestOutcome(name, sentence, hint.args[0] if hint else ""))
    return outcomes[-1]


def _take_failure(outcome: TestOutcome, error: BaseException, explanation: str) -> None:
    """Note how a test (or one of its cases) failed; the first failure's message stays."""
    if isinstance(error, HostileReply):
        error = AnswerCrashed(f"A call sent back {error}.")
    if isinstance(error, AnswerFailure):
        verdict, message, own_lines = error.verdict, error.message, error.own_lines
    elif isinstance(error, (AssertionError, pytest.fail.Exception)):
        verdict, message, own_lines = Verdict.FAILED, "The result is not what it should be.", ()
    elif isinstance(error, RuntimeError) and "does not require grad" in str(error):
        verdict, message, own_lines = Verdict.FAILED, "No gradient flows through the result.", ()
    else:
        verdict, message, own_lines = Verdict.GRADER_ERROR, "A fault of the grader, not yours.", ()
    if outcome.verdict is Verdict.PASSED:
        outcome.message, outcome.own_lines, outcome.detail = message, own_lines, explanation
    outcome.verdict = worst([outcome.verdict, verdict])
