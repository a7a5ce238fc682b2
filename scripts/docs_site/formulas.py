"""Formulas as MathML: a browser shows it without a script, a font or a network."""

import html
import re

from latex2mathml.converter import convert

# What pymdownx.arithmatex leaves in a page, and what this puts in its place.
_MARKED = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
# The converter knows these bars only by their other names where they are sized.
_BARS = {r"\lVert": r"\|", r"\rVert": r"\|", r"\Vert": r"\|", r"\lvert": "|", r"\rvert": "|"}
_BAR = re.compile(r"\\[lr]?[Vv]ert(?![A-Za-z])")


def mathml(latex: str, *, block: bool = False) -> str:
    """Return a formula as a `<math>` element; a block stands on a line of its own."""
    plain = _BAR.sub(lambda bar: _BARS.get(bar[0], "|"), latex.strip())
    return convert(plain, display="block" if block else "inline")


def typeset(page: str) -> str:
    """Return a page's HTML with its marked formulas as MathML."""
    return _MARKED.sub(lambda one: mathml(html.unescape(one[3]), block=one[2] == "["), page)
