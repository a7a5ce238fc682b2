"""One student's feedback page: their own result, nothing of others, nothing of the hidden tests."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autograder.feedback.exercise import render_exercise_html
from autograder.gradebook.scores import FinalScore
from autograder.pages.rendering import render_page
from autograder.results.document import SubmissionResult
from autograder.results.verdicts import Verdict

MAX_PICTURES = 40
MAX_PICTURE_BYTES = 8 * 2**20
# A small file can hold a picture that fills a browser's memory.
MAX_PIXELS = 25_000_000


@dataclass(frozen=True)
class ByHand:
    """What a person gave for a task or an exercise, and what there was to mark."""

    name: str
    points: float
    score: float | None = None
    """None where no person has marked it."""
    comment: Markup | None = None
    written: Markup | None = None
    """What the student wrote, where it is text."""


@dataclass(frozen=True)
class Picture:
    """A picture that the notebook drew: PNG in base64, and its size in pixels."""

    cell: int
    number: int
    png: str
    width: int
    height: int


@dataclass(frozen=True)
class CellTrouble:
    """A cell that did not run to its end, and what it said."""

    cell: int
    message: str


def render_student_page(
    result: SubmissionResult,
    final: FinalScore,
    tasks: Sequence[ByHand] = (),
    exercises: Sequence[ByHand] = (),
) -> str:
    """Return a student's feedback page; `tasks` and `exercises` are what people gave."""
    pictures, left_out = _pictures(result)
    given = {one.name: one for one in exercises}
    return render_page(
        "autograder.feedback",
        "student.html.j2",
        scripted=False,
        result=result,
        final=final,
        tasks=tasks,
        exercises=[
            (
                exercise,
                Markup(render_exercise_html(exercise, styled=False)),
                given.get(exercise.name, ByHand(exercise.name, exercise.points)),
            )
            for exercise in result.exercises
            if exercise.tests
        ],
        # Where the fault is ours, the note may speak of our own files.
        notes=[] if result.verdict is Verdict.GRADER_ERROR else result.notes,
        pictures=pictures,
        left_out=left_out,
        troubles=_troubles(result),
    )


def _pictures(result: SubmissionResult) -> tuple[list[Picture], int]:
    """Return the pictures to show, and how many there are beyond what a page can bear."""
    pictures: list[Picture] = []
    left_out, room = 0, MAX_PICTURE_BYTES
    for cell in result.cells:
        for output in cell.outputs:
            data = output.get("data")
            png = data.get("image/png") if isinstance(data, dict) else None
            if not isinstance(png, str):
                continue
            size = _png_size(png)
            if size is None or len(png) > room or len(pictures) == MAX_PICTURES:
                left_out += 1
                continue
            room -= len(png)
            pictures.append(Picture(cell.index + 1, len(pictures) + 1, png, *size))
    return pictures, left_out


def _png_size(png: str) -> tuple[int, int] | None:
    """Return width and height as a PNG's header tells them; None where it is not to be shown."""
    try:
        header = base64.b64decode(png[:64], validate=True)
        width, height = struct.unpack(">II", header[16:24])
    except (binascii.Error, ValueError, struct.error):
        return None
    is_png = header.startswith(b"\x89PNG\r\n\x1a\n") and header[12:16] == b"IHDR"
    return (width, height) if is_png and 0 < width * height <= MAX_PIXELS else None


def _troubles(result: SubmissionResult) -> list[CellTrouble]:
    troubles = []
    for cell in result.cells:
        if cell.ended_by is not None:
            _, message = cell.ended_by
            troubles.append(CellTrouble(cell.index + 1, message))
        for output in cell.outputs:
            if output.get("output_type") == "error":
                message = f"{output.get('ename', '')}: {output.get('evalue', '')}"
                troubles.append(CellTrouble(cell.index + 1, message[:500]))
    return troubles
