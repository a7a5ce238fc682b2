"""JSON of strangers, bounded by what becomes of it: a few letters can be a large object."""

from __future__ import annotations

import json
import re
from typing import Any

_SIGNS = (b"{", b"[", b",", b":")
# A sign, or a text, which may hold any of them. A text without an end goes to the end: so each
# letter is looked at once, whatever stands there.
_SIGN_OR_TEXT = re.compile(rb'[{\[,:]|"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)


class TooManyParts(ValueError):
    """A JSON text describes more than may be made of it."""


def read_json(text: bytes, *, max_parts: int) -> Any:
    """Return what a JSON text in ASCII says; raise ValueError where it is none or says too much.

    Its parts are counted before any is made, by the signs between them: each part costs at most
    some 130 bytes beside its letters. Text that is nested too deep is no JSON either.
    """
    if sum(map(text.count, _SIGNS)) > max_parts and _says_more(text, max_parts):
        raise TooManyParts(f"more than {max_parts} parts")
    try:
        # As text: `json` would guess at encodings where it is given bytes.
        return json.loads(text.decode("ascii"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _says_more(text: bytes, max_parts: int) -> bool:
    """Say whether there are more signs than this beside those in texts, or more texts."""
    signs = 0
    for number, found in enumerate(_SIGN_OR_TEXT.finditer(text), start=1):
        # A sign is one byte long, and no text is.
        signs += found.end() - found.start() == 1
        if signs > max_parts or number - signs > max_parts:
            return True
    return False
