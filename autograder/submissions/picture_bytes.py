"""A picture's bytes: PNG or JPEG by its first bytes, whatever was claimed; or why it is none."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import unquote

from autograder.submissions.first_bytes import picture_noun

_MAX_LETTERS = 16 * 2**20
_MAX_ENCODED = 1_000_000
KINDS = {
    "image/png": (b"\x89PNG\r\n\x1a\n", "png"),
    "image/jpeg": (b"\xff\xd8\xff", "jpg"),
}
"""How a kind begins, and how its files' names end."""


def is_png(encoded: Any) -> bool:
    """Say whether a text is base64, as it is, of what begins as a PNG does."""
    if not isinstance(encoded, str) or len(encoded) > _MAX_LETTERS:
        return False
    try:
        content = base64.b64decode(encoded.replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return False
    return content.startswith(KINDS["image/png"][0])


class NoPicture(Exception):
    """A picture that cannot be kept; the message says why."""


def base64_of(address: str) -> str:
    """Return the base64 in an address that holds its picture."""
    head, comma, body = address.partition(",")
    if "svg" in head.casefold():
        raise NoPicture("it is an SVG picture; PNG and JPEG are kept")
    if not comma or not head.strip().casefold().endswith(";base64"):
        raise NoPicture("it is not written as a picture is")
    if body.count("%") > _MAX_ENCODED:
        raise NoPicture("it is not written as a picture is")
    return unquote(body)


def picture_of(candidates: list[Any], named: str) -> tuple[str, bytes]:
    """Return the first that is a PNG or a JPEG by its first bytes; what was claimed is nothing."""
    nouns = []
    for encoded in candidates:
        content = _decoded(encoded)
        for kind, (signature, _) in KINDS.items():
            if content.startswith(signature):
                return kind, content
        nouns.append(picture_noun(content) or _svg(content))
    noun = next(filter(None, nouns), "no picture that is known, or damaged")
    raise NoPicture(f"{named} is {noun}; PNG and JPEG are kept")


def _svg(content: bytes) -> str | None:
    return "an SVG picture" if content.lstrip()[:5] in (b"<svg ", b"<?xml") else None


def _decoded(encoded: Any) -> bytes:
    """Return what is written in base64, broken in lines or not; nothing where it is none."""
    if isinstance(encoded, list):
        encoded = "".join(line for line in encoded if isinstance(line, str))
    if not isinstance(encoded, str):
        return b""
    if len(encoded) > _MAX_LETTERS:
        raise NoPicture("it is too large: a picture may have 12 MiB")
    letters = "".join(encoded.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)
    except (binascii.Error, ValueError):
        # SVG is attached as it is.
        return encoded.encode("utf-8", "replace")
