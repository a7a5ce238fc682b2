"""From a submitted file's bytes to the JSON in it, bounded; what it is otherwise, in one line."""

from __future__ import annotations

import json
from typing import Any

from autograder.submissions.first_bytes import (
    said_of_bytes,
    said_of_damage,
    said_of_json,
    said_of_text,
)

MAX_VALUES = 4_000_000
"""So many lists, objects and members: each takes many times its letters of memory."""

# The mark of one of them begins the other's: the longer comes first.
_UNMARKED = {b"{\x00\x00\x00": "utf-32-le", b"\x00\x00\x00{": "utf-32-be"} | {
    b"{\x00": "utf-16-le",
    b"\x00{": "utf-16-be",
}
_MARKED = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32"} | {
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
_REPLACED = "\N{REPLACEMENT CHARACTER}"


class NoNotebook(Exception):
    """The bytes are no notebook; the message says what they are, after the file's name."""


def read_document(content: bytes) -> dict[str, Any]:
    """Return the JSON object that a notebook's file holds; raise NoNotebook."""
    if not content.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        what = "holds nothing but zeros" if b"\x00" in content else "is empty"
        raise NoNotebook(f"{what}: save the notebook and submit it again")
    # Tools that synchronise files leave zeros at the end of what became shorter.
    text = _decoded(content).rstrip("\x00\x1a \t\r\n")
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        raise NoNotebook(
            f"holds more than {MAX_VALUES:,} values: clear its outputs and submit it again"
        )
    document = _parsed(text, content)
    if not isinstance(document, dict) or not ("cells" in document or "worksheets" in document):
        raise NoNotebook(said_of_json(document))
    return document


def _decoded(content: bytes) -> str:
    """Return the text of some bytes, whatever program wrote them; what is damaged is replaced."""
    for mark, encoding in {**_MARKED, **_UNMARKED}.items():
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    text = content.decode("utf-8", "replace")
    if _REPLACED in text and text.replace(_REPLACED, "").isascii():
        # Not one letter beyond ASCII is UTF-8: an old editor of Windows wrote it.
        return content.decode("cp1252", "replace")
    return text


def _parsed(text: str, content: bytes) -> Any:
    try:
        # A number of many digits takes long to read exactly, and none is needed so.
        return json.JSONDecoder(strict=False, parse_int=float).decode(text)
    except json.JSONDecodeError as error:
        what = said_of_bytes(content) or said_of_text(text) or said_of_damage(text, error)
        raise NoNotebook(what) from None
    except RecursionError:
        raise NoNotebook("is nested too deeply to be a notebook: submit another file") from None
