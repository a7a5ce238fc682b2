"""What is asked of a judge that was started: as values, and as the frames of its socket."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from autograder.course.files import Assignment
from autograder.grading.begun import Begun
from autograder.grading.events import Event
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits


@dataclass(frozen=True)
class Setting:
    """What a judge is started for: it grades submissions of one assignment, within limits."""

    root: str
    assignment: str
    isolation: Isolation
    limits: Limits

    @classmethod
    def of(cls, assignment: Assignment, isolation: Isolation, limits: Limits) -> Setting:
        """Return the setting of an assignment on this machine."""
        return cls(str(assignment.course.root.resolve()), assignment.name, isolation, limits)

    @property
    def text(self) -> str:
        """What tells settings apart: 3 and 3.0 are equal, and not the same in a result's key."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Order:
    """One submission to grade."""

    student: str
    name: str
    """The notebook's file name."""
    content: bytes
    kept: bytes = b""
    """An earlier result, as its file holds it, where there is one."""
    may_keep: bool = True
    """Whether what nothing has changed for is taken over from the earlier one."""
    begun: Begun = field(default_factory=Begun)
    """What stands of it from runs that broke off."""
    may_doubt: bool = False
    """Whether to break off where the machine may have cost points, for a run on its own."""

    def after(self, told: list[Begun]) -> Order:
        """Return the order for another judge, after one that told this."""
        return replace(self, begun=self.begun.and_then(Begun.of(told)))


Answer = Event[Order, bytes | Begun]
"""What became of an order: a result's bytes, or what stands of one that is in doubt."""


def frame_of(order: Order) -> tuple[dict[str, Any], bytes]:
    """Return an order as it goes to a judge: a header, and its parts one after another."""
    begun = order.begun.model_dump_json().encode()
    header = {
        "student": order.student,
        "name": order.name,
        "may_keep": order.may_keep,
        "may_doubt": order.may_doubt,
        "kept": len(order.kept),
        "begun": len(begun),
    }
    return header, order.kept + begun + order.content


def order_of(header: dict[str, Any], block: bytes) -> Order:
    """Return the order that a frame holds."""
    kept, begun = header["kept"], header["kept"] + header["begun"]
    return Order(
        student=header["student"],
        name=header["name"],
        content=block[begun:],
        kept=block[:kept],
        begun=Begun.model_validate_json(block[kept:begun]),
        may_keep=header["may_keep"],
        may_doubt=header["may_doubt"],
    )


def setting_of(header: dict[str, Any]) -> Setting:
    """Return the setting that a frame's header holds."""
    isolation, limits = Isolation(header["isolation"]), Limits(**header["limits"])
    return Setting(header["root"], header["assignment"], isolation, limits)
