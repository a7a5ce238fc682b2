"""What a student reads of a hidden test: looked up in our copy of the notebook, never believed."""

from __future__ import annotations

import re
from collections.abc import Callable

from autograder.grading.what_it_has import what_grading_has
from autograder.judge.hidden_tests import TestOutcome
from autograder.results.document import OwnLine, TestResult
from autograder.results.verdicts import Verdict
from autograder.safe_text import for_page
from autograder.sandbox.host.failures import OwnLine as Place

_MAX_LINE = 200
_DEFINITION = re.compile(r"(\s*)(?:async\s+)?(?:def|class)\s+(\w+)")


SourceOf = Callable[[int], str]
"""Returns our copy of a cell's code by its index."""


def test_result(outcome: TestOutcome, source_of: SourceOf, is_guarded: bool) -> TestResult:
    """Return what became of a hidden test, for the result's file.

    Where student code has asked our own answers, students read no word that it may have chosen:
    messages would carry those answers out. The person who marks reads all of it.
    """
    message, own_lines = for_page(outcome.message), own_lines_of(outcome.own_lines, source_of)
    detail = for_page(outcome.detail)
    if is_guarded:
        hidden = [message] if outcome.guarded != outcome.message else []
        hidden += [f"line {own.line} of {own.function}: {own.text}" for own in own_lines]
        detail = "\n".join(filter(None, [*hidden, detail]))
        message, own_lines = for_page(outcome.guarded), []
    # Of what is shown alone: a word more would tell what the rest of a message said.
    message = " ".join(filter(None, [message, what_grading_has(message)]))
    return TestResult(
        name=outcome.name,
        sentence=outcome.sentence,
        verdict=outcome.verdict,
        message=message,
        hint="" if outcome.verdict is Verdict.PASSED else outcome.hint,
        own_lines=own_lines,
        detail=detail,
    )


def own_lines_of(places: tuple[Place, ...], source_of: SourceOf) -> list[OwnLine]:
    """Return the lines of the student's own cells at these places, where there are such."""
    found = []
    for place in places:
        lines = source_of(place.cell).split("\n")
        # IPython counts from the first line that is not empty.
        index = place.line - 1 + next((i for i, line in enumerate(lines) if line.strip()), 0)
        if 0 <= index < len(lines):
            text = for_page(lines[index].strip())[:_MAX_LINE]
            function = for_page(_function_at(lines, index))
            found.append(OwnLine(line=index + 1, function=function, text=text))
    return found


def _function_at(lines: list[str], index: int) -> str:
    """Return the name of the function that a line stands in: the nearest head further left."""
    indent = len(lines[index]) - len(lines[index].lstrip())
    for line in reversed(lines[:index]):
        head = _DEFINITION.match(line)
        if head is not None and len(head[1]) < indent:
            return head[2][:100]
    return "<module>"
