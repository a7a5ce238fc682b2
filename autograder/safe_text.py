"""Text of strangers made safe for where it goes: a terminal, a page, an output, a cell, JSON.

A stranger's text is whatever comes from a notebook, a file's or a folder's name, an archive, a
roster, or student code. Nothing else in the engine escapes or strips: a test sees to that.
"""

from __future__ import annotations

import json
import re
from typing import Any

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_MAX_PAGE_TEXT = 2_000_000
# Names in Persian, and many emoji, are written with these two.
_JOINERS = "\u200c\u200d"
# What a page and JSON have no use for, and terminals may obey; not tab and newline.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# An output may also return to its line's start, and bear colours, which nbconvert understands.
_CONTROL_IN_OUTPUT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")


def for_terminal(text: str) -> str:
    r"""Return a text on one line, which a terminal or a log shows and never obeys.

    >>> for_terminal("Zoë\x1b[2J\n")
    'Zoë\\x1b[2J\\x0a'
    """
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(sign: str) -> str:
    if sign.isprintable() or sign in _JOINERS:
        return sign
    if sign.isspace() and sign > "\x85":
        return " "
    number = ord(sign)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def for_markup(text: str) -> str:
    r"""Return a text for a table on a terminal: neither the terminal nor rich finds a command.

    >>> for_markup("[red]\x1b")
    '\\[red]\\x1b'
    """
    from rich.markup import escape

    return escape(for_terminal(text))


def for_page(text: Any) -> str:
    r"""Return a text that can be written and shown; of what is no text, an empty one.

    Lines stay lines. A page escapes it once more, by its template.

    >>> for_page("a\x1bb\n\udc80")
    'a\ufffdb\n?'
    """
    return _CONTROL.sub(_UNKNOWN, _writable(text))


def for_output(text: Any) -> str:
    """Return what a cell printed in a form that can be written and shown; colours stay."""
    return _CONTROL_IN_OUTPUT.sub(_UNKNOWN, _writable(text))


def _writable(text: Any) -> str:
    """Return a text of bounded size that UTF-8 can hold; lone halves of letters become `?`."""
    known = text if isinstance(text, str) else ""
    return known[:_MAX_PAGE_TEXT].encode("utf-8", "replace").decode("utf-8")


def for_json(value: Any, *, indent: int | None = None) -> str:
    r"""Return a value as JSON in which no control character stands as itself.

    >>> for_json("\x1b\x7f")
    '"\\u001b\\u007f"'
    """
    # All others that `json` leaves as they are, beside ASCII's last, are printable.
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


# What spreadsheets start a formula with, at the start of a cell or of what another locale's
# separator makes one; a sign alone is none: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(
    r"""(^|[;,\t\r\n])([\s"\u200b\ufeff\x00]*)(?=[=+\-@＝＋－＠﹢﹣﹦﹫−]\s*\S)"""
)
_LEADING_CONTROL = re.compile(r"^(?=[\t\r\n\x00])")
_CONTROL_IN_CELL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?%?", re.ASCII)


def for_cell(text: str) -> str:
    """Return a text that a spreadsheet shows and never computes; a written number stays one.

    >>> for_cell("=1+1"), for_cell("-1.5")
    ("'=1+1", '-1.5')
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    if _NUMBER.fullmatch(text):
        return text
    text = _LEADING_CONTROL.sub("'", _FORMULA.sub(r"\1\2'", text)).replace("\x00", "")
    return _CONTROL_IN_CELL.sub(_UNKNOWN, text)
