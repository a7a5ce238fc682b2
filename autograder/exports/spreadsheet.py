"""Write tables as CSV that no spreadsheet takes for formulas; what is in them it never decides."""

from __future__ import annotations

import csv
import io

from autograder.safe_text import for_cell

Cell = str | float | None


def number_text(value: float) -> str:
    """Return a score without the noise of binary fractions: 2, 3.38, -1.5."""
    return f"{round(value, 4) + 0.0:.10g}"


def render_cell(cell: Cell) -> str:
    """Return a cell's text: empty for None, a number as it is, a text made safe."""
    if cell is None:
        return ""
    return for_cell(cell) if isinstance(cell, str) else number_text(cell)


def render_csv(rows: list[list[Cell]], delimiter: str = ",", byte_order_mark: bool = False) -> str:
    """Return a table as CSV by RFC 4180, every cell quoted.

    `byte_order_mark` makes Excel read the file as UTF-8; importers do without it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([render_cell(cell) for cell in row] for row in rows)
    return ("\ufeff" if byte_order_mark else "") + text.getvalue()
