"""The commands that a page of the docs shows: in blocks, to be typed, and within its text."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

# What a line of a block begins with, if it is for a shell. What begins otherwise is something else:
# output, a file, code.
PROGRAMS = {
    *("autograder", "make", "nbgrader", "jupyter", "pytest", "ruff", "mypy", "mkdocs", "dask"),
    *("python", "python3", "pip", "conda", "mamba", "source", "cd", "git", "unzip", "tar"),
    *("sudo", "apt-get", "brew", "chmod", "chgrp", "chown", "mkdir", "cp", "mv", "rm", "ln"),
    *("docker", "podman", "srun", "sbatch", "kubectl", "psql", "export", "curl", "wsl"),
}
OURS = ("autograder", "make", "nbgrader", "jupyter")
_FENCE = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}[^\n]*\n|(?:\n)(?= {4}))+", re.MULTILINE)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SHELLS = {"", "bash", "sh", "console"}


@dataclass(frozen=True)
class Shown:
    """A command of a page, as it is typed."""

    page: str
    line: str
    place: int = 0
    """Where its block begins in the page."""

    def __str__(self):
        return f"{self.page}: {self.line}"


def pages():
    """Every page for people but the decisions, which tell of their day."""
    outside = ("README.md", "CONTRIBUTING.md", "bench/README.md", "data/README.md")
    return [*(ROOT / name for name in outside), *sorted((ROOT / "docs").glob("*.md"))]


def in_blocks(page):
    """The commands of a page's blocks, in their order."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(ROOT).as_posix()
    blocks = {match.start(): match[3] for match in _FENCE.finditer(text) if match[2] in _SHELLS}
    # Of its length, so that places stay what they are.
    rest = _FENCE.sub(lambda fence: re.sub(r"[^\n]", "x", fence[0]), text)
    blocks |= {match.start(): match[0] for match in _INDENTED.finditer(rest)}
    return [
        Shown(name, line, place)
        for place in sorted(blocks)
        for line in _lines(blocks[place])
        if _is_command(line)
    ]


@dataclass(frozen=True)
class Written:
    """What a page says to write into a file: a block below a text that begins "In `FILE`"."""

    path: str
    text: str
    place: int


def to_write(page):
    """What a page says to write into files, in its order."""
    text = page.read_text(encoding="utf-8")
    return [
        Written(where[1], block[3], block.start())
        for block in _FENCE.finditer(text)
        if (where := re.match(r"In `([^`]+)`", text[: block.start()].rstrip().split("\n\n")[-1]))
    ]


def _lines(block):
    """The lines of a block; one that ends in a backslash goes on."""
    whole = re.sub(r"\\\n\s*", "", block)
    return [line.strip().removeprefix("$ ") for line in whole.splitlines()]


def _is_command(line):
    first = line.split()[:1]
    return bool(first) and Path(first[0]).name in PROGRAMS and not first[0].endswith(":")


def in_text(page):
    """Our own commands that a page names within its text."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    name = page.relative_to(ROOT).as_posix()
    return [
        Shown(name, code)
        for code in _CODE.findall(text)
        if code.split()[0] in OURS and len(code.split()) > 1
    ]
