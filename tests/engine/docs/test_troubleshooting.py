"""Every message in the docs' troubleshooting is one that the program says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
# What others say, or a verdict: no sentence of ours.
NOT_OURS = ("ModuleNotFoundError", "NameError")
FIRST_CELL = re.compile(r"^\| (.+?) \|", re.MULTILINE)


def said_by_python(path):
    """The strings of a module, `…` where something is put in."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                one.value if isinstance(one, ast.Constant) else "…" for one in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


SAID = [
    text for path in sorted((ROOT / "autograder").rglob("*.py")) for text in said_by_python(path)
] + [
    *said_by_python(ROOT / "source" / "notebook_setup.py"),
    (ROOT / "Makefile").read_text(encoding="utf-8"),
    (ROOT / "scripts" / "ensure-bubblewrap").read_text(encoding="utf-8"),
]


def messages():
    """What stands as code in first cells; two ticks hold a message that has ticks of its own."""
    quoted = [re.search(r"(`+)(.+)\1", cell) for cell in FIRST_CELL.findall(PAGE)]
    said = [one[2].strip() for one in quoted if one]
    return [one for one in said if not one.startswith(NOT_OURS)]


def is_said(message):
    """Whether some text of ours has it, gap for gap; at its ends there may be more."""
    gaps = re.compile(r"…+")
    wanted = gaps.sub("…", message).strip("… ")
    return any(wanted in gaps.sub("…", text) for text in SAID)


@pytest.mark.parametrize("message", messages())
def test_a_message_is_one_of_ours(message):
    assert is_said(message)


def test_what_nobody_says_is_found():
    assert is_said("no submissions of … in …")
    assert not is_said("no submissions of … at …")
