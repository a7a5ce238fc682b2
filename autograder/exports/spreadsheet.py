"""Write tables as CSV that no spreadsheet takes for formulas; what is in them it never decides."""

from __future__ import annotations

import csv
import io
import re

Cell = str | float | None

# What spreadsheets start a formula with, at the start of a cell or of what another locale's
# separator makes one; a sign alone is none: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile(
    r"""(^|[;,\t\r\n])([\s"\u200b\ufeff\x00]*)(?=[=+\-@＝＋－＠﹢﹣﹦﹫−]\s*\S)"""
)
_LEADING_CONTROL = re.compile(r"^(?=[\t\r\n\x00])")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?%?", re.ASCII)


def safe_text(text: str) -> str:
    """Return a text that a spreadsheet shows and never computes; a written number stays one."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    if _NUMBER.fullmatch(text):
        return text
    return _LEADING_CONTROL.sub("'", _FORMULA.sub(r"\1\2'", text)).replace("\x00", "")


def number_text(value: float) -> str:
    """Return a score without the noise of binary fractions: 2, 3.38, -1.5."""
    return f"{round(value, 4) + 0.0:.10g}"


def render_cell(cell: Cell) -> str:
    """Return a cell's text: empty for None, a number as it is, a text made safe."""
    if cell is None:
        return ""
    return safe_text(cell) if isinstance(cell, str) else number_text(cell)


def render_csv(rows: list[list[Cell]], delimiter: str = ",", byte_order_mark: bool = False) -> str:
    """Return a table as CSV by RFC 4180, every cell quoted.

    `byte_order_mark` makes Excel read the file as UTF-8; importers do without it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([render_cell(cell) for cell in row] for row in rows)
    return ("\ufeff" if byte_order_mark else "") + text.getvalue()
