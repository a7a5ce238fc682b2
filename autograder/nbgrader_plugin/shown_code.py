"""Bound the code that a page colours: the colouring is slow, and on some code takes minutes.

What was graded is the file in `submitted/`; this is what the notebook in `autograded/` shows of it.
"""

from __future__ import annotations

import re

from nbformat import NotebookNode

MAX_LINE_LETTERS = 500
MAX_CELL_LETTERS = 50_000
MAX_LETTERS = 300_000
"""So much of a submission's code is shown, in all."""
_MAX_BLANK_LINES = 20
# The colouring looks for each magic after any run of white space, again from each of its signs.
_BLANK_LINES = re.compile(rf"\n{{{_MAX_BLANK_LINES + 2},}}")
_LONG_BLANK = re.compile(r"[^\S\n]{200,}|[\f\v\r\x1c-\x1f\x85\u2028\u2029]")
# Other magics colour the rest of the cell as another language.
_OTHER_LANGUAGE = re.compile(r"^(?=\s*%%(?!(?:time|timeit|capture|prun|debug)\b))")
_UNSEEN = "\u200b"


def bound_shown_code(notebook: NotebookNode) -> None:
    """Cut, in place, what of a student's code would keep a page waiting."""
    left = MAX_LETTERS
    for cell in notebook.cells:
        if cell.cell_type != "code" or cell.metadata.get("nbgrader", {}).get("locked"):
            continue
        shown = shown_code(cell.source, min(left, MAX_CELL_LETTERS))
        left -= min(left, len(shown))
        cell.source = shown


def shown_code(source: str, most: int = MAX_CELL_LETTERS) -> str:
    """Return code as a page shows it: what people write is not changed."""
    lines = [_short(line) for line in source.split("\n")]
    text = _BLANK_LINES.sub("\n" * (_MAX_BLANK_LINES + 1), "\n".join(lines))
    text = _OTHER_LANGUAGE.sub(_UNSEEN, text)
    if len(text) <= most:
        return text
    return f"{text[:most]}\n# … {len(text) - most} letters more, in submitted/"


def _short(line: str) -> str:
    line = _LONG_BLANK.sub(" ", line)
    if not line.strip():
        return ""
    if len(line) <= MAX_LINE_LETTERS:
        return line.rstrip() if line.endswith("  ") else line
    return f"{line[:MAX_LINE_LETTERS]}  # … {len(line) - MAX_LINE_LETTERS} letters more"
