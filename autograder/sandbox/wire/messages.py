"""Every message that crosses the wall, by line and direction; `docs/wire.md` has them as a table.

A message is a frame's header; some come with a block of bytes. Ours are made as these types. What
comes out of the box is only *claimed* to be one of them: whoever reads it believes no field.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

Node = dict[str, Any]
"""A value as the JSON tree that `results_out` encodes and decodes."""


# The control line: judge ⇄ warm parent, which runs no student code.


class Start(TypedDict):
    """Judge: fork a submission process. Its socket's descriptor follows the frame."""

    do: Literal["start"]
    limits: dict[str, float]
    files: list[str]


class Command(TypedDict):
    """Judge: interrupt the running cell, kill what an exercise left, end all, or measure."""

    do: Literal["interrupt", "sweep", "stop", "usage"]


class Ready(TypedDict):
    """Warm parent: everything is imported."""

    ready: Literal[True]


class Used(TypedDict):
    """Warm parent: what the submission used, and which limit it was ended for since last asked."""

    over: Literal["memory", "processes", "cpu"] | None
    peak_mb: float
    cpu_s: float


class UsedNow(TypedDict):
    """Warm parent: the processor time of what lives."""

    cells_cpu_s: float
    exercise_cpu_s: float


# The submission's line: judge ⇄ submission process, which runs the cells.


class RunCell(TypedDict):
    """Judge: run the cell in the block. It may answer exercises, or hold the stubs of some."""

    do: Literal["cell"]
    cell: int
    exercises: list[str]
    stubs: list[str]


class OpenCalls(TypedDict):
    """Judge: fork an exercise process. Its socket's descriptor follows the frame."""

    do: Literal["calls"]


class CellBegins(TypedDict):
    """Submission: this cell runs now."""

    cell: int


class CellEnded(TypedDict):
    """Submission: this cell is over; its outputs are JSON in the block."""

    cell: int
    succeeded: bool


class ExerciseEnded(TypedDict):
    """Submission: the exercise process has ended with this status."""

    ended: int


# The exercise's line: judge ⇄ exercise process, which answers calls.


class Choose(TypedDict):
    """Judge: from now on calls are of this exercise's function, with these stand-ins."""

    do: Literal["exercise"]
    exercise: str
    stand_ins: list[str]


class Replace(TypedDict):
    """Judge: run this code in place of the exercise's cell."""

    do: Literal["replace"]
    exercise: str
    cell: int
    source: str


class Replaced(TypedDict):
    """Exercise: it ran; its outputs are JSON in the block."""

    succeeded: bool


class Call(TypedDict):
    """Judge: call the function with the arguments in the block."""

    do: Literal["call"]
    id: int
    seed: int


class AskGradient(TypedDict):
    """Judge: the vector-Jacobian product of an earlier call; weights by output's graph number."""

    do: Literal["gradient"]
    id: int
    weights: dict[str, Node]


class Value(TypedDict):
    """Exercise: what the call returned, and what it did to its arguments; arrays in the block."""

    reply: Literal["value"]
    value: Node
    changes: list[dict[str, Any]]


class Gradients(TypedDict):
    """Exercise: a gradient for each input of the call, in order."""

    reply: Literal["gradient"]
    value: list[Node]


class Missing(TypedDict):
    """Exercise: the notebook has no function of that name."""

    reply: Literal["missing"]


class Raised(TypedDict):
    """Exercise: the function raised; `own` is where it came through cells: indices and lines."""

    reply: Literal["error"]
    type: str
    message: str
    own: list[list[int]]


class CallOurs(TypedDict):
    """Exercise: call a stand-in by its name, or the callback that is this leaf of the arguments."""

    stand_in: NotRequired[str]
    callback: NotRequired[int]
    value: Node


class AskOurGradient(TypedDict):
    """Exercise: the vector-Jacobian product of an earlier call of ours."""

    callback_gradient: int
    weights: list[Node]


class HandedValue(TypedDict):
    """Exercise: what a function of student code, which a stand-in was given, returned."""

    handed: Literal["value"]
    value: Node
    handle: int
    captures: bool
    """Whether gradients flow from it to tensors that the function has of its own."""


class HandedGradient(TypedDict):
    """Exercise: a gradient of such a call for each of its inputs, in order."""

    handed: Literal["gradient"]
    value: list[Node]
    handle: int
    captures: bool


class HandedRaised(TypedDict):
    """Exercise: such a function raised; what, the box keeps for its own."""

    handed: Literal["raised"]


class CallHanded(TypedDict):
    """Judge: call the function of this number, which student code handed to a stand-in."""

    call_handed: int
    value: Node
    grad: bool


class AskHandedGradient(TypedDict):
    """Judge: the vector-Jacobian product of such a call, or of such a product."""

    handed_gradient: int
    weights: list[Node]
    create_graph: bool


class Returned(TypedDict):
    """Judge: what our function returned, packed in the block; its handle asks for gradients."""

    handle: NotRequired[int]


class Yours(TypedDict):
    """Judge: for this exercise the notebook's own function is used, not ours."""

    yours: Literal[True]


class Refused(TypedDict):
    """Judge: our function raised this."""

    refused: str
    needs_more: NotRequired[Literal[True]]
    """It needs more of a function it was given than values and gradients."""


FROM_JUDGE = (Start, Command, RunCell, OpenCalls, Choose, Replace, Call, AskGradient)
"""What the judge says of its own accord."""
ANSWERS_OF_JUDGE = (Returned, Yours, Refused, CallHanded, AskHandedGradient)
"""What it says when student code called a function of ours."""
FROM_BOX = (
    *(Ready, Used, UsedNow, CellBegins, CellEnded, ExerciseEnded),
    *(Replaced, Value, Gradients, Missing, Raised, CallOurs, AskOurGradient),
    *(HandedValue, HandedGradient, HandedRaised),
)
"""What the box says; nothing of it is believed."""
