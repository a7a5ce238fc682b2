"""The closed set of ways in which a hidden test or an exercise ends; points only for PASSED."""

from enum import StrEnum


class Verdict(StrEnum):
    """How a hidden test ended. Later members outrank earlier ones in an exercise's verdict."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    MISSING = "MISSING"
    CRASHED = "CRASHED"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    TIMED_OUT = "TIMED_OUT"
    GRADER_ERROR = "GRADER_ERROR"


def worst(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict that stands for all of them; no verdict at all is our fault."""
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.GRADER_ERROR)


VERDICT_WORDS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.MISSING: "not solved",
    Verdict.CRASHED: "crashed",
    Verdict.OUT_OF_MEMORY: "out of memory",
    Verdict.TIMED_OUT: "timed out",
    Verdict.GRADER_ERROR: "grader error",
}
"""As students read them."""
