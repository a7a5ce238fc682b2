"""What code shows that was run more than once: which try counts, and what a person should see."""

from __future__ import annotations

import re
from enum import StrEnum

from autograder.judge.answer import array_of
from autograder.judge.behaviour import Recorded, same_behaviour
from autograder.judge.hidden_tests import AnswerSource, HiddenTests, TestOutcome
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.channel import FirstExchange
from autograder.sandbox.host.doubt import Doubt
from autograder.sandbox.wire.frames import Frame
from autograder.sandbox.wire.results_out import Decoder, HostileReply
from autograder.sandbox.wire.trees import map_leaves
from autograder.submissions.rebuilding import Rebuilt

_IMPURE = (
    "In a new process it fails: what it returns must come of its arguments, not of earlier calls."
)


class Suspicion(StrEnum):
    """Why a person should look at an exercise's code."""

    WITH_OWN = "Right only with the student's own earlier answers, not all of which are right."
    OTHER_KIND = "Right only with our own for earlier right answers of another kind, or too costly."
    SECOND_TRY = "A second try answered the same questions otherwise, and does not count."
    REMEMBERS = "In a new process it came out otherwise."
    ASKED_HIDDEN = "It asked our own earlier answers what their hidden tests ask."


def may_count(
    first: list[TestOutcome], second: list[TestOutcome], *, with_more: bool = False
) -> bool:
    """Say whether a second try, with other earlier answers, may count.

    The two may differ by what earlier answers returned, and by nothing else: not in the reply to a
    question for which none was called. `with_more` stand-ins in the second try than in the first,
    only that one shows what was called.
    """
    return all(
        _alike(before, after)
        for one, other in zip(first, second, strict=True)
        for before, after in zip(one.first, other.first, strict=False)
        if not (after if with_more else before).asked_ours
    )


def _alike(one: FirstExchange, other: FirstExchange) -> bool:
    """Say whether the same question was answered alike but for rounding, or another was asked."""
    if one.digest == other.digest or not one.question.is_same(other.question):
        return True
    if one.frame is None or other.frame is None:
        return False
    try:
        return same_behaviour([_seen(one.frame)], [_seen(other.frame)])
    except HostileReply:
        return False


def _seen(frame: Frame) -> Recorded:
    header = frame.header
    if header.get("reply") != "value":
        return Recorded("failure", (str(header.get("reply")), str(header.get("type"))))
    value = Decoder(frame.block).value(header.get("value"))
    return Recorded("value", map_leaves(value, array_of))


def fail_what_remembers(
    tests: HiddenTests,
    exercise: str,
    outcomes: list[TestOutcome],
    source: AnswerSource,
    doubt: Doubt,
) -> set[Suspicion]:
    """Run the passed tests again in a new process, the last one first; fail those that fail there.

    So an answer that knows from earlier calls which guess was right loses what it has won. Where
    it may be the machine that has failed, nothing was shown.
    """
    passed = {one.name: one for one in outcomes if one.verdict is Verdict.PASSED}
    if not passed:
        return set()
    failed: dict[str, Verdict] = {}
    channel = source.open(exercise)
    try:
        for case in reversed(tests.judge.cases_of(exercise)):
            outcome = passed.get(case.test)
            if outcome is None or case.test in failed:
                continue
            verdict = tests.ending(case, channel).verdict
            if verdict is not Verdict.PASSED:
                failed[case.test] = verdict
    finally:
        source.close(exercise, channel)
    if doubt.broke_off or not failed:
        return set()
    for name, verdict in failed.items():
        # An honest answer that is slow may find no time for it.
        if verdict not in (Verdict.TIMED_OUT, Verdict.GRADER_ERROR):
            passed[name].fail(_IMPURE)
    return {Suspicion.REMEMBERS}


def say_what_is_needed(outcomes: list[TestOutcome], names: set[str]) -> None:
    """Tell where a stand-in needed more of a function that it was given than it can have."""
    if not names:
        return
    needed = (
        " Our own " + " and ".join(f"`{name}`" for name in sorted(names)) + " needs more of a "
        "function of yours than its values and gradients, so it cannot take yours' place here."
    )
    for outcome in outcomes:
        if outcome.verdict is Verdict.FAILED:
            outcome.message, outcome.guarded = outcome.message + needed, outcome.guarded + needed


def mentions(rebuilt: Rebuilt, exercise: str) -> bool:
    """Say whether student code names an exercise anywhere but in its own cell."""
    named, own = re.compile(rf"\b{re.escape(exercise)}\b"), rebuilt.index_of(exercise)
    others = {own, *rebuilt.our_cells()}
    return any(
        named.search(source) for index, source in rebuilt.cells_to_run() if index not in others
    )
