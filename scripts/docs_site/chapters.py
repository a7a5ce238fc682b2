"""A chapter's page: its exercises, and the chapter as it looks when solved, without answers."""

import base64
import re
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any

from formulas import mathml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

from autograder.course.derivations import PROMPT
from autograder.course.facts import Exercise, read_facts
from autograder.course.files import Assignment
from autograder.course.standing_texts import handing_in

_HEADING = re.compile(r"^(#{1,5}) (.+)$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_WHAT_TO_SEE = re.compile(r"\*+What to see[.:]\*+\s*(.+)", re.DOTALL)
# What would end an alternative text, or be read aloud as a sign.
_MARKS = re.compile(r"[][*$`\\{}]")
_SUMMARY = re.compile(r'"""(.+?)(?:\n\n|""")', re.DOTALL)
# What has its place elsewhere on the page, or none on a page that nobody runs.
_LEFT_OUT = {"notebook_setup", "notebook_data", "progress"}


@dataclass(frozen=True)
class Picture:
    """A picture that a solved chapter draws: its file beside the page."""

    name: str
    content: bytes


def page(assignment: Assignment, notebook: dict[str, Any]) -> tuple[str, list[Picture]]:
    """Return a chapter's page as Markdown, and the pictures it shows.

    `notebook` is the released one, with what our answers draw in it where they were run.
    """
    texts = (PROMPT, handing_in(assignment))
    cells = [
        cell
        for cell in notebook["cells"]
        if _grade_id(cell) not in _LEFT_OUT and _source(cell).strip() not in texts
    ]
    drawn = [_pictures(assignment.name, cell) for cell in cells]
    heading, _, text = _source(cells[0]).lstrip().partition("\n")
    parts = [heading, _at_a_glance(assignment, cells), _text(text)]
    for cell, pictures, following in zip_longest(cells[1:], drawn[1:], cells[2:]):
        parts.append(_cell(cell, pictures, _what_to_see(following)))
    return "\n\n".join(part for part in parts if part) + "\n", [
        one for some in drawn for one in some
    ]


def _source(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _grade_id(cell: dict[str, Any]) -> str:
    return cell["metadata"].get("nbgrader", {}).get("grade_id", "")


def _is_stub(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def _asks(stub: str) -> str:
    """Return the first sentence of a stub's docstring, on one line."""
    found = _SUMMARY.search(stub)
    return " ".join(found[1].split()) if found else ""


def _pictures(name: str, cell: dict[str, Any]) -> list[Picture]:
    """Return the PNG pictures below a cell."""
    data = [output.get("data", {}).get("image/png") for output in cell.get("outputs", [])]
    return [
        Picture(f"{name}-{cell['id']}-{number}.png", base64.b64decode("".join(png)))
        for number, png in enumerate(filter(None, data), start=1)
    ]


def _at_a_glance(assignment: Assignment, cells: list[dict[str, Any]]) -> str:
    """Return what a chapter costs and is worth, and a table of its exercises."""
    facts = read_facts(assignment)
    core = sum(one.points for one in facts.exercises if not one.optional)
    by_hand = sum(one.points for one in facts.tasks)
    asks = {_grade_id(cell): _asks(_source(cell)) for cell in cells if _is_stub(cell)}
    return "\n".join(
        [
            f"**{core} points by code, {by_hand} by hand · {facts.minutes} minutes with reading.** "
            f"[The notebook](../notebooks/{assignment.name}.ipynb) is what a student is given.",
            "",
            "| exercise | points | minutes | difficulty | what it asks |",
            "|---|---|---|---|---|",
            *(_row(one, asks.get(one.name, "")) for one in facts.exercises),
            "",
            '!!! note "Below: the chapter as it looks when all is solved"',
            "    The text, what each exercise is given, and the pictures that a solved notebook "
            "draws. The answers are yours to find.",
        ]
    )


def _row(exercise: Exercise, asks: str) -> str:
    points = f"{exercise.points}, extra" if exercise.optional else str(exercise.points)
    stars = "★" * exercise.difficulty
    link = f"[`{exercise.name}`](#{exercise.name})"
    cells = (link, points, str(exercise.minutes), stars, asks.replace("|", r"\|"))
    return f"| {' | '.join(cells)} |"


def _cell(cell: dict[str, Any], pictures: list[Picture], what_to_see: str) -> str:
    if cell["cell_type"] == "markdown":
        return _text(_source(cell))
    if _is_stub(cell):
        return f'<a id="{_grade_id(cell)}"></a>\n\n' + _code(_source(cell))
    if _grade_id(cell).endswith("-tests"):
        return _folded("The visible check", _source(cell))
    shown = "\n\n".join(_shown(one, what_to_see) for one in pictures)
    return "\n\n".join(filter(None, [_folded(_title(_source(cell)), _source(cell)), shown]))


def _code(source: str) -> str:
    """Return Python code as a fenced block, whatever ticks stand in it."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", source)), default=0))
    return f"{ticks}python\n{source}\n{ticks}"


def _title(source: str) -> str:
    """Return what a folded cell says of itself in its first line."""
    found = re.match(r"# (.+)", source)
    return found[1].replace('"', "'") if found else "Code of ours"


def _folded(title: str, source: str) -> str:
    inside = "\n".join(f"    {line}".rstrip() for line in _code(source).split("\n"))
    return f'??? note "{title}"\n\n{inside}'


def _shown(picture: Picture, what_to_see: str) -> str:
    return f"![{what_to_see}](pictures/{picture.name}){{ .picture }}"


def _what_to_see(following: dict[str, Any] | None) -> str:
    """Return what the text below a picture says of it, as plain words on one line."""
    text = _source(following).partition("\n\n")[0] if following else ""
    found = _WHAT_TO_SEE.match(text)
    words = found[1] if found else "A picture that the code above draws"
    return " ".join(_MARKS.sub("", words).split())


def _text(source: str) -> str:
    """Return a text cell for the site: its headings as Markdown, all else as HTML.

    A notebook's Markdown is CommonMark with formulas, which the site's is not.
    """
    parts: list[str] = []
    lines: list[str] = []
    fenced = False
    for line in source.split("\n"):
        fenced ^= bool(_FENCE.match(line))
        if not fenced and (heading := _HEADING.match(line)):
            parts += [_html("\n".join(lines)), f"{heading[1]} {heading[2]}"]
            lines = []
        else:
            lines.append(line)
    parts.append(_html("\n".join(lines)))
    return "\n\n".join(part for part in parts if part)


def _renderer() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, double_inline=True)
    # Not the plugin's own elements: their class is one that the site's theme floats.
    for rule, block in (("math_inline", False), ("math_inline_double", True), ("math_block", True)):
        parser.renderer.rules[rule] = partial(_formula, block=block)
    return parser


def _formula(tokens: list[Token], index: int, *_: object, block: bool) -> str:
    return mathml(tokens[index].content, block=block)


_PARSER = _renderer()


def _html(text: str) -> str:
    """Return Markdown as one block of HTML, which the site leaves as it is."""
    if not text.strip():
        return ""
    return f"<div>\n{_PARSER.render(text)}</div>"
