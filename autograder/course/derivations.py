"""The cells of a question that a person marks: question, framed answer, then the marking scheme.

nbgrader shows score and comment below its task cell, and the marking scheme in it. So the task cell
comes last: whoever marks reads the answer and, right below it, what it is marked by.
"""

from __future__ import annotations

import re

from autograder.course.master import MasterCell

PROMPT = "*Your answer:*"
"""What stands in an answer cell that nobody has written in."""

_SCHEME = re.compile(
    r"\n*^=== BEGIN MARK SCHEME ===\n(?P<scheme>.*?)\n=== END MARK SCHEME ===$\n*",
    re.MULTILINE | re.DOTALL,
)
_WORTH = re.compile(r"^((?:½|¼|¾|\d+) points?):", re.MULTILINE)
# Lines above and below, for the cell between is the student's: whatever they write there, the frame
# stays. Styles alone, for JupyterLab and nbgrader keep those and no classes.
_ABOVE = """

<div style="border: 2px solid #0072B2; border-bottom-style: none; padding: 6px 12px">
<b>Your answer</b> goes into the cell below. A person, your TA or instructor, reads it: {points}.
</div>"""
_BELOW = """\
<div style="border: 2px solid #0072B2; border-top-style: none; padding: 6px 12px">
Here your answer ends. Nothing checks it before you hand in.
</div>"""
_SHOWN_SCHEME = """

=== BEGIN MARK SCHEME ===

**Marking scheme**

{scheme}

=== END MARK SCHEME ==="""


def question_and_task(cell: MasterCell) -> tuple[str, str]:
    """Return the texts of the cell above the answer, and of nbgrader's task cell below it."""
    found = _SCHEME.search(cell.source)
    points = f"{cell.points} point{'' if cell.points == 1 else 's'}"
    question = _SCHEME.sub("\n\n", cell.source).strip() + _ABOVE.format(points=points)
    if found is None:
        return question, _BELOW
    scheme = _WORTH.sub(r"**\1:**", found["scheme"].strip())
    return question, _BELOW + _SHOWN_SCHEME.format(scheme=scheme)
