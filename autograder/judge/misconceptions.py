"""Name the misconception a failing answer shows: the known wrong answer that behaves as it does."""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.answers import KnownAnswer
from autograder.judge.behaviour import (
    Behaviour,
    Compared,
    Differs,
    Recorded,
    same_behaviour,
    shows_first,
)
from autograder.judge.hidden_tests import HiddenTests, TestOutcome
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.local_channel import local_channel
from autograder.sandbox.limits import Limits

_Key = tuple[str, str, str]
"""An exercise, a known answer to it, and a hidden test."""


@dataclass
class Misconceptions:
    """How the known wrong answers of an assignment behave under its hidden tests."""

    tests: HiddenTests
    _known: dict[_Key, Behaviour] = field(default_factory=dict)
    _known_first: dict[_Key, Behaviour] = field(default_factory=dict)
    """Of those that were not seen to a test's end: how they begin."""

    def name(self, exercise: str, outcomes: list[TestOutcome]) -> KnownAnswer | None:
        """Return the one known wrong answer that behaves as these outcomes show, if one does.

        Test by test, the failed ones first: most candidates are out after the first.
        """
        if not any(outcome.recorded for outcome in outcomes):
            return None
        alike = self.tests.judge.wrong_answers(exercise)
        for outcome in sorted(outcomes, key=lambda one: one.verdict is Verdict.PASSED):
            alike = [
                answer
                for answer in alike
                if self._behaves(answer, outcome.name, like=outcome.recorded)
            ]
        return alike[0] if len(alike) == 1 else None

    def _behaves(self, answer: KnownAnswer, test: str, like: Behaviour) -> bool:
        """Say whether a known answer shows the same in one test; look no longer than that needs."""
        key = (answer.exercise, answer.name, test)
        if key not in self._known:
            if not shows_first(like, self._known_first.get(key, ())):
                return False
            seen, is_whole = self._observe(answer, test, like)
            (self._known if is_whole else self._known_first)[key] = seen
            if not is_whole:
                return False
        return same_behaviour(like, self._known[key])

    def _observe(self, answer: KnownAnswer, test: str, like: Behaviour) -> tuple[Behaviour, bool]:
        """Run one hidden test on a function of ours, by the protocol of the wall.

        Return what it shows, to the first difference from `like`, and whether that is all.
        """
        channel = local_channel(answer.function, Limits())
        seen: list[Recorded] = []
        try:
            for case in self.tests.judge.cases_of(answer.exercise):
                if case.test != test:
                    continue
                rest = like[len(seen) :]
                compared = Compared(rest)
                try:
                    shown = self.tests.ending(case, channel, compared).recorded
                except Differs:
                    return [*seen, *compared], False
                seen += shown
                # A case that was recalled, and not run, is not compared yet.
                if not shows_first(rest, shown):
                    return seen, False
            return seen, True
        finally:
            channel.sock.close()
