"""Read a submitted notebook, whatever it is; say in one line what is wrong with it."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat.reader

from autograder.safe_text import for_terminal
from autograder.sandbox.memory import MIB

MAX_CELLS = 5000
"""A notebook of more cells is refused: no page could show it."""
_NAMES_SHOWN = 5


class UnreadableNotebook(Exception):
    """The file is no notebook; the message says why and what to do.

    It holds names of files, and what nbformat says of their content: a terminal obeys none of it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(for_terminal(message))


@dataclass(frozen=True)
class SubmittedCell:
    """What is believed of a submitted cell: its type, its text, and the name it claims."""

    cell_type: str
    source: str
    grade_id: str | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    """Its other nbgrader metadata, read only to tell the TA what was edited."""
    tags: tuple[str, ...] = ()
    attachments: Any = None
    """What came with its Markdown, as it was sent; see `cleaning.clean_attachments`."""


def read_bytes(path: Path, notebook_mb: int) -> bytes:
    """Return a submitted file's bytes; refuse links, devices and files beyond the limit."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise UnreadableNotebook(_not_found(path)) from None
    except OSError as error:
        if path.is_symlink():
            raise UnreadableNotebook(
                f"{path.name} is a symbolic link: submit the file itself"
            ) from None
        raise UnreadableNotebook(f"{path.name} cannot be opened: {error.strerror}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableNotebook(f"{path.name} is not a file: submit a notebook")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > notebook_mb * MIB:
            raise UnreadableNotebook(
                f"{path.name} has {status.st_size / MIB:.0f} MiB, {notebook_mb} MiB are allowed: "
                "clear its outputs and submit it again"
            )
        return file.read()


def content_to_hash(path: Path, max_mb: int) -> bytes:
    """Return a file's bytes, none where it cannot be read: what a result's key is made from."""
    try:
        return read_bytes(path, max_mb)
    except UnreadableNotebook:
        return b""


def _not_found(path: Path) -> str:
    # A name that is not UTF-8 could not be written into a result.
    names = [os.fsencode(other.name) for other in path.parent.glob("*.ipynb")]
    others = sorted(name.decode("utf-8", "replace") for name in names)
    if not others:
        return f"{path.name} was not submitted"
    if len(others) > _NAMES_SHOWN:
        others[_NAMES_SHOWN:] = [f"{len(others) - _NAMES_SHOWN} more"]
    return f"{path.name} was not submitted, but {', '.join(others)}: rename it to {path.name}"


def parse(content: bytes, name: str) -> list[SubmittedCell]:
    """Return the cells of a submitted notebook of any nbformat; raise UnreadableNotebook."""
    if not content.strip():
        raise UnreadableNotebook(f"{name} is empty: save the notebook and submit it again")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableNotebook(f"{name} is not UTF-8 (byte {error.start})") from None
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = str(error)[:100] or "nested too deeply"
        raise UnreadableNotebook(
            f"{name} is not JSON, perhaps cut off in transfer ({reason})"
        ) from None
    if not isinstance(raw, dict) or not ("cells" in raw or "worksheets" in raw):
        raise UnreadableNotebook(f"{name} is JSON but not a notebook: it has no cells")
    _refuse_odd_cells(raw, name)
    try:
        # Not nbformat.reads, which compares every cell with a schema and only logs what is amiss.
        notebook = nbformat.convert(nbformat.reader.reads(text), 4)
        return [_cell(cell) for cell in notebook.cells]
    except Exception as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise UnreadableNotebook(f"{name} is not a whole notebook ({reason})") from None


def _refuse_odd_cells(raw: dict[str, Any], name: str) -> None:
    cells = _listed(raw.get("cells"))
    for sheet in _listed(raw.get("worksheets")):
        cells = cells + _listed(sheet.get("cells") if isinstance(sheet, dict) else None)
    if len(cells) > MAX_CELLS:
        raise UnreadableNotebook(
            f"{name} has {len(cells)} cells, {MAX_CELLS} are allowed: "
            "delete those that are not yours and submit it again"
        )
    for number, cell in enumerate(_listed(raw.get("cells")), start=1):
        if not isinstance(cell, dict):
            raise UnreadableNotebook(f"{name} is not a whole notebook (cell {number} is no cell)")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _cell(cell: Any) -> SubmittedCell:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(str(line) for line in source)
    # A lone surrogate cannot be written back or sent anywhere.
    source = str(source).encode("utf-8", "replace").decode("utf-8")
    metadata = cell.get("metadata", {})
    metadata = metadata if isinstance(metadata, dict) else {}
    claims = metadata.get("nbgrader", {})
    claims = dict(claims) if isinstance(claims, dict) else {}
    grade_id = claims.get("grade_id")
    tags = metadata.get("tags", [])
    return SubmittedCell(
        cell_type=str(cell.get("cell_type"))[:20].encode("utf-8", "replace").decode("utf-8"),
        source=source,
        grade_id=grade_id[:100] if isinstance(grade_id, str) else None,
        claims=claims,
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        attachments=cell.get("attachments"),
    )
