r"""Render what people wrote, a derivation or a comment, for a page that needs no network.

Markdown becomes HTML without anything active in it, formulas become MathML, which browsers set by
themselves. A formula that the converter does not know, or that makes anything but plain MathML of
itself, stays as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from autograder.submissions.formulas import keep_harmless_macros
from autograder.submissions.markdown import is_too_much, plain_text

Attachments = Mapping[str, Mapping[str, str]]
"""Pictures by name: of each its kind, `image/png` say, and its base64."""

MAX_FORMULA_LETTERS = 4000
"""A longer formula is shown as it was written."""
_SCHEMES = ("http://", "https://", "mailto:")
_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_ELEMENT_NAMES = """
math mrow mi mn mo mtext mspace msup msub msubsup mover munder munderover mmultiscripts mfrac
msqrt mroot mtable mtr mtd mstyle menclose mpadded mphantom ms none mprescripts
"""
_ATTRIBUTE_NAMES = """
display stretchy fence form accent accentunder mathvariant mathcolor columnalign rowalign width
height depth linethickness minsize maxsize separator lspace rspace movablelimits scriptlevel
displaystyle notation columnlines rowlines rowspacing columnspacing linebreak voffset symmetric
largeop frame equalcolumns
"""
_ELEMENTS, _ATTRIBUTES = frozenset(_ELEMENT_NAMES.split()), frozenset(_ATTRIBUTE_NAMES.split())
# The converter knows these under another name.
_ENVIRONMENTS = {"aligned": "align*", "gathered": "align*", "equation": ""}


def written_text(text: str, attachments: Attachments | None = None) -> Markup:
    """Return Markdown as HTML for a page of ours; pictures are those attached to its cell."""
    if is_too_much(text):
        text = plain_text(text)
    return Markup(_markdown().render(text, {"attachments": attachments or {}}))


def formula(tex: str, *, is_display: bool = False) -> Markup:
    """Return a formula as MathML, or as it was written where that cannot be."""
    try:
        made = convert(_in_known_words(tex), display="block" if is_display else "inline")
        if len(tex) > MAX_FORMULA_LETTERS or not _is_plain(ElementTree.fromstring(made)):
            raise ValueError
    except Exception:
        # The converter has errors of many kinds, and ends deep nesting by Python's own limit.
        return Markup('<code class="tex">{}</code>').format(tex)
    return Markup(made)


def _in_known_words(tex: str) -> str:
    tex = keep_harmless_macros(f"${tex[:MAX_FORMULA_LETTERS]}$")[1:-1]
    for name, known in _ENVIRONMENTS.items():
        for end in ("begin", "end"):
            for star in ("", "*"):
                shown = f"\\{end}{{{known}}}" if known else ""
                tex = tex.replace(f"\\{end}{{{name}{star}}}", shown)
    return tex.strip()


def _is_plain(made: ElementTree.Element) -> bool:
    """Say whether all of it is MathML that sets letters and does nothing else."""
    return all(
        one.tag.removeprefix(_MATHML) in _ELEMENTS and one.attrib.keys() <= _ATTRIBUTES
        for one in made.iter()
    )


@cache
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.use(
        dollarmath_plugin,
        allow_labels=False,
        # Of `5$ or 6$` nothing is a formula.
        allow_digits=False,
        double_inline=True,
        renderer=_of_dollars,
    )
    made.use(amsmath_plugin, renderer=lambda tex: formula(tex, is_display=True))
    made.validateLink = _is_link  # type: ignore[method-assign,assignment]
    for name, rule in {"image": _picture, "heading_open": _bold, "heading_close": _bold}.items():
        made.add_render_rule(name, rule)
    return made


def _of_dollars(tex: str, options: Mapping[str, Any]) -> Markup:
    return formula(tex, is_display=bool(options["display_mode"]))


def _is_link(address: str) -> bool:
    return address.lower().startswith((*_SCHEMES, "attachment:"))


def _picture(
    self: object, tokens: Sequence[Any], index: int, options: object, environment: Any
) -> str:
    """Show a picture of the cell's own; of any other its words."""
    name = str(tokens[index].attrGet("src")).removeprefix("attachment:")
    words = str(tokens[index].content)
    for kind, content in environment["attachments"].get(name, {}).items():
        shown = Markup('<img src="data:{};base64,{}" alt="{}">')
        return shown.format(kind, content, words or "A picture in the text")
    return Markup("{}").format(words)


def _bold(
    self: object, tokens: Sequence[Any], index: int, options: object, environment: object
) -> str:
    """A heading of theirs is none of the page's."""
    return "<p><strong>" if tokens[index].nesting == 1 else "</strong></p>\n"
