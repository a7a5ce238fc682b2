"""Read a submitted notebook, whatever it is; say in one line what is wrong with it."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from autograder.safe_text import for_terminal
from autograder.sandbox.memory import MIB
from autograder.submissions.decoding import NoNotebook, read_document
from autograder.submissions.names import is_litter, is_notebook

MAX_CELLS = 5000
"""A notebook of more cells is refused: no page could show it."""
_NAMES_SHOWN = 5
_MOST_LOOKED_AT = 20_000
_KINDS = {"code", "markdown", "raw", "heading", "html"}
# What nbformat 3 had besides.
_OLD_KINDS = {"heading": "markdown", "html": "markdown"}
_LEVELS = (1, 2, 3, 4, 5, 6)
# PyCharm and VS Code begin a cell with it where they keep cells in a script; no part of the text.
_EDITORS_LINE = re.compile(r"\A# ?%%(?: \[?(?:md|markdown|raw)\]?)?[ \t]*(?:\n|\Z)")


class UnreadableNotebook(Exception):
    """The file is no notebook; the message says why and what to do.

    It holds names of files, and what is said of their content: a terminal obeys none of it.
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
    """What came with its Markdown, as it was sent; see `pictures.with_pictures`."""


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
    """Say that a notebook is not there, and what lies there in its place."""
    notebooks, others = lying_in(path.parent)
    if notebooks:
        return f"{path.name} was not submitted, but {notebooks}: rename it to {path.name}"
    if others:
        return f"{path.name} was not submitted, but {others}: ask for the notebook itself"
    return f"{path.name} was not submitted"


def lying_in(folder: Path) -> tuple[str, str]:
    """Return the names of a folder's notebooks, and of what else lies in it, a few of each.

    Not told are empty files that are no notebooks, what systems leave, and our own time stamp.
    """
    notebooks, others = [], []
    for path in sorted(islice(folder.rglob("*"), _MOST_LOOKED_AT)):
        # A name that is not UTF-8 could not be written into a result.
        name = os.fsencode(path.relative_to(folder)).decode("utf-8", "replace")
        if is_litter(name) or name == "timestamp.txt" or path.is_symlink() or not path.is_file():
            continue
        if is_notebook(name):
            notebooks.append(name)
        elif path.stat().st_size:
            others.append(name)
    return _named(notebooks), _named(others)


def _named(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join([*names[:_NAMES_SHOWN], *([f"{more} more"] if more > 0 else [])])


def parse(content: bytes, name: str) -> list[SubmittedCell]:
    """Return the cells of a submitted notebook of any nbformat; raise UnreadableNotebook.

    Of a cell its type, text, marks and attachments are looked at. What else a notebook should have
    may be missing, or anything.
    """
    try:
        cells = _cells(read_document(content))
    except NoNotebook as error:
        raise UnreadableNotebook(f"{name} {error}") from None
    if len(cells) > MAX_CELLS:
        raise UnreadableNotebook(
            f"{name} has {len(cells)} cells, {MAX_CELLS} are allowed: "
            "delete those that are not yours and submit it again"
        )
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict):
            raise UnreadableNotebook(
                f"{name} is not a whole notebook (cell {number} is no cell): "
                "open it in Jupyter, save it and submit it again"
            )
    return [_cell(cell) for cell in cells]


def _cells(document: dict[str, Any]) -> list[Any]:
    """Return a notebook's cells; nbformat 3 and 2 keep them in worksheets."""
    sheets = document.get("worksheets")
    holders = [document, *(sheets if isinstance(sheets, list) else [])]
    lists = [one["cells"] for one in holders if isinstance(one, dict) and "cells" in one]
    if not lists or not all(isinstance(one, list) for one in lists):
        raise NoNotebook(
            "is not a whole notebook, for its cells are no list: "
            "open it in Jupyter, save it and submit it again"
        )
    return [cell for cells in lists for cell in cells]


def _cell(cell: dict[str, Any]) -> SubmittedCell:
    kind = _kind(cell)
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    claims = metadata.get("nbgrader")
    claims = dict(claims) if isinstance(claims, dict) else {}
    grade_id = claims.get("grade_id")
    tags = metadata.get("tags")
    return SubmittedCell(
        cell_type=_OLD_KINDS.get(kind, kind),
        source=_source(cell, kind),
        grade_id=grade_id[:100] if isinstance(grade_id, str) else None,
        claims=claims,
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        attachments=cell.get("attachments"),
    )


def _kind(cell: dict[str, Any]) -> str:
    """Return a cell's type; where it has none, what else it has tells."""
    kind = cell.get("cell_type")
    if kind is None:
        return "code" if "outputs" in cell or "execution_count" in cell else "markdown"
    known = str(kind)[:20].encode("utf-8", "replace").decode("utf-8")
    return known.casefold() if known.casefold() in _KINDS else known


def _source(cell: dict[str, Any], kind: str) -> str:
    """Return a cell's text with one way to end lines, and without what an editor put above it."""
    source = cell.get("source", cell.get("input"))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source if isinstance(source, str) else ""
    # A lone surrogate cannot be written back or sent anywhere.
    source = source.encode("utf-8", "replace").decode("utf-8")
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    source = _EDITORS_LINE.sub("", source)
    level = cell.get("level")
    if kind == "heading":
        source = f"{'#' * (int(level) if level in _LEVELS else 1)} {source}"
    return source


def is_same_text(one: str, other: str) -> bool:
    """Say whether two texts of cells differ in white space alone, as tools change it."""
    return one.split() == other.split()
