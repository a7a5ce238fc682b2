"""What runs in a Dask worker: hands each submission to a judge, a warm process of its own.

The worker cannot judge itself: it grades in threads, and a judge interrupts its own main thread.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

from autograder.cluster.bundle import unpack
from autograder.grading.begun import Begun
from autograder.grading.events import Died, Done, Failed
from autograder.grading.judge_orders import Answer, Order, setting_of
from autograder.grading.judge_process import JudgeProcesses
from autograder.results.versions import difference, versions

Reply = tuple[str, str | list[str]]
"""What became of a submission, and what is told of it.

It was graded, is in doubt, its judges died or the last one was late, it met an error, or nothing
was begun because the versions differ.
"""


def grade_on_worker(bundle: bytes, order: bytes, earlier: bytes, content: bytes) -> Reply:
    """Grade one notebook's bytes; all that goes in and comes out is plain data."""
    from distributed import get_worker

    worker = get_worker()
    asked = json.loads(order)
    differs = difference(asked["versions"], versions())
    if differs:
        return "differs", f"the worker {worker.address} has {differs}"
    with _UNPACKING:
        root = unpack(bundle, asked["bundle"], Path(worker.local_directory))
    submission = Order(
        student=asked["submission"]["student"],
        name=asked["submission"]["name"],
        content=content,
        kept=earlier,
        may_keep=asked["submission"]["may_keep"],
        begun=Begun.model_validate(asked["submission"]["begun"]),
        may_doubt=asked["submission"]["may_doubt"],
    )
    setting = setting_of({**asked["setting"], "root": str(root)})
    return _reply(_JUDGES.grade(setting, submission, worker.state.nthreads), worker.address)


def _reply(answer: Answer, address: str) -> Reply:
    match answer:
        case Done(_, bytes() as result):
            return "graded", result.decode()
        case Done(_, Begun() as begun):
            return "in doubt", begun.model_dump_json()
        case Failed(_, failure):
            return "error", [failure.kind, f"on the worker {address}: {failure.message}"]
        case Died(order, told, was_late):
            begun = order.after(told).begun
            return "late" if was_late else "died", begun.model_dump_json()
    raise AssertionError("unreachable")


_JUDGES = JudgeProcesses()
_UNPACKING = threading.Lock()
