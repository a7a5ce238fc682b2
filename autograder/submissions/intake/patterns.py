"""A person's own pattern for the names of a download, tried under a time limit."""

from __future__ import annotations

from datetime import tzinfo

import regex

from autograder.errors import AutograderError
from autograder.submissions.intake.platforms import Claim, Namer, Unnamed
from autograder.submissions.intake.times import parse_time

_GROUPS = {"student", "time", "assignment"}
_TIMEOUT_S = 0.2
_MAX_SLOW = 10


def pattern_namer(pattern: str, assignment: str, zone: tzinfo | None) -> Namer:
    """Return the reader that a regular expression makes, or say what is wrong with it.

    It is matched from the beginning of the path; `student` is required, `time` and `assignment`
    are not. Names are a student's to choose and may be made to match for ever: hence the limit.
    """
    try:
        compiled = regex.compile(pattern)
    except regex.error as error:
        raise AutograderError(f"--pattern is no regular expression: {error}") from None
    groups = set(compiled.groupindex)
    if "student" not in groups:
        raise AutograderError("--pattern has no group (?P<student>…)")
    if unknown := sorted(groups - _GROUPS):
        raise AutograderError(
            f"--pattern has a group {unknown[0]!r}; it may have {', '.join(sorted(_GROUPS))}"
        )

    slow: list[str] = []

    def read(path: str) -> Claim:
        try:
            match = compiled.match(path, timeout=_TIMEOUT_S)
        except TimeoutError:
            slow.append(path)
            if len(slow) > _MAX_SLOW:
                raise AutograderError(
                    f"--pattern takes too long for {path[:100]!r} and others: make it simpler"
                ) from None
            raise Unnamed("takes too long to match: make the pattern simpler") from None
        if match is None:
            raise Unnamed("does not match the pattern")
        said = {name: text for name, text in match.groupdict().items() if text}
        if said.get("assignment", assignment) != assignment:
            raise Unnamed(f"is of another assignment ({said['assignment']})")
        try:
            time = parse_time(said["time"], zone) if "time" in said else None
        except ValueError as error:
            raise Unnamed(f"has no time in its name: {error}") from None
        folder, _, own = path.rpartition("/")
        student = said.get("student", "")
        # In a folder the student chose the name; otherwise it is what the pattern describes.
        own = own if folder else f"{assignment}.ipynb"
        # Two files of one student and one time were handed in together.
        return Claim((student,), f"{folder}\0{student}\0{time}", own, time)

    return read
