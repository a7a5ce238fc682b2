"""Find the result that belongs to a submission as it is now; have it graded where there is none.

Never in this process, which may be the server that everybody uses: it stays small, and answers.
"""

from __future__ import annotations

import atexit
from dataclasses import replace
from pathlib import Path

from autograder.course.configuration import course_limits
from autograder.course.files import Assignment
from autograder.errors import AutograderError, Failure
from autograder.grading.begun import Begun
from autograder.grading.events import Died, Done, Failed
from autograder.grading.exposed_course import refuse_exposed_course
from autograder.grading.fingerprints import fingerprint
from autograder.grading.judge_orders import Order, Setting
from autograder.grading.judge_process import JudgeProcesses
from autograder.results.document import (
    Key,
    SubmissionResult,
    parse_result,
    read_result,
    result_bytes,
    write_result,
)
from autograder.sandbox.isolation import Isolation
from autograder.submissions.reading import UnreadableNotebook, content_to_hash, read_bytes

_AT_MOST = 1
"""How many judges are kept; more only while so many threads ask at once."""
_DIED = "its judge died: see the machine's log"
_LATE = "its judge did not end in time, and was ended"


def fresh_result(assignment: Assignment, student: str) -> SubmissionResult:
    """Return the result of a student's submission; have it graded now where none holds."""
    path = assignment.submission(student)
    kept = read_result(assignment.result(student))
    if kept is not None and not kept.outdated_by(_key(assignment, path)):
        return kept
    refuse_exposed_course(assignment.course)
    limits = course_limits(assignment.course)
    try:
        content = read_bytes(path, limits.notebook_mb)
    except UnreadableNotebook as error:
        raise AutograderError(str(error)) from None
    earlier = result_bytes(kept) if kept is not None else b""
    order = Order(student, path.name, content, earlier, may_doubt=True)
    result = _graded(Setting.of(assignment, Isolation.BOX, limits), order)
    write_result(assignment.result(student), result)
    return result


def _graded(setting: Setting, order: Order) -> SubmissionResult:
    """Return an order's result; what is in doubt goes on from where it broke off."""
    answer = _JUDGES.grade(setting, order, _AT_MOST)
    match answer:
        case Done(_, Begun() as begun):
            return _graded(setting, replace(order, begun=begun, may_doubt=False))
        case Done(_, bytes() as content):
            return _parsed(content)
        case Failed(_, failure):
            raise _error(failure)
        case Died() as died:
            why = _LATE if died.was_late else _DIED
            unfinished = _JUDGES.unfinished(setting, died, why, _AT_MOST)
            if isinstance(unfinished, Failure):
                raise _error(unfinished)
            return _parsed(unfinished)
    raise AssertionError("unreachable")


def _parsed(content: bytes) -> SubmissionResult:
    result = parse_result(content)
    if result is None:
        raise AutograderError("a judge sent what is no result: was the engine changed meanwhile?")
    return result


def _error(failure: Failure) -> AutograderError:
    """Return what nbgrader reports of a submission that could not be graded."""
    return AutograderError(str(failure))


def _key(assignment: Assignment, path: Path) -> Key:
    limits = course_limits(assignment.course)
    content = content_to_hash(path, limits.notebook_mb)
    return fingerprint(assignment, limits, Isolation.BOX).key(content)


_JUDGES = JudgeProcesses()
atexit.register(_JUDGES.close)
