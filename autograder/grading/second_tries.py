"""What code shows that was run more than once: which try counts, and what a person should see."""

from __future__ import annotations

from enum import StrEnum

from autograder.judge.hidden_tests import AnswerSource, TestOutcome
from autograder.judge.purity import Again, answers_alike, ask_again
from autograder.results.verdicts import Verdict

_IMPURE = (
    "A new process answers the same question otherwise: what it returns must come of its "
    "arguments, not of earlier calls."
)


class Suspicion(StrEnum):
    """Why a person should look at an exercise's code."""

    WITH_OWN = "Right only with the student's own earlier answers, not all of which are right."
    SECOND_TRY = "A second try answered the same questions otherwise, and does not count."
    REMEMBERS = "A new process answered the same questions otherwise."
    AT_RANDOM = "It answers no question twice alike."
    ASKED_HIDDEN = "It asked our own earlier answers what their hidden tests ask."


def may_count(first: list[TestOutcome], second: list[TestOutcome]) -> bool:
    """Say whether a second try, with the student's own earlier answers, may count.

    The two may differ by what earlier answers returned, and by nothing else: not in the reply to a
    question for which none was called.
    """
    return all(
        answers_alike(before, after)
        for one, other in zip(first, second, strict=True)
        for before, after in zip(one.first, other.first, strict=False)
        if not before.asked_ours
    )


def fail_what_remembers(
    exercise: str, outcomes: list[TestOutcome], source: AnswerSource
) -> set[Suspicion]:
    """Ask the first questions of passed tests again, of a new process and the last ones first.

    A test whose question is answered otherwise fails.
    """
    passed = [one for one in outcomes if one.verdict is Verdict.PASSED]
    asked = [(one, first) for one in reversed(passed) for first in reversed(one.first)]
    # A spy is the test's own, and its test is over.
    asked = [(one, first) for one, first in asked if not first.question.given.callbacks]
    if not asked:
        return set()
    found: set[Suspicion] = set()
    channel = source.open(exercise)
    try:
        for outcome, first in asked:
            match ask_again(channel, first):
                case Again.AT_RANDOM:
                    found.add(Suspicion.AT_RANDOM)
                case Again.ANOTHER:
                    found.add(Suspicion.REMEMBERS)
                    if outcome.verdict is Verdict.PASSED:
                        outcome.fail(_IMPURE)
    finally:
        source.close(exercise, channel)
    return found
