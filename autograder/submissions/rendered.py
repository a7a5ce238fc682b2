"""Ask the renderer of nbgrader's pages whether two texts differ in code alone.

nbconvert renders Markdown with mistune and four patterns for formulas. They are repeated here, for
nbconvert imports a server; a test sees to it that they are the same.
"""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from typing import Any, ClassVar

HEADING = r"^ {0,3}(?P<atx_1>#{1,6})(?!#+)(?P<atx_2>[ \t]*(.*?)?)$"
BLOCK_MATH = (
    r"(?s:(?<!\\)[$]{2}.*?(?<!\\)[$]{2}|\\\\\[.*?\\\\\]"
    r"|\\begin\{(?P<math_env_name>[a-z]*\*?)\}.*?\\end\{(?P=math_env_name)\})"
)
INLINE_MATH = {
    "block_math_tex": r"(?s:(?<!\\)\$\$(?P<math_block_tex>.*?)(?<!\\)\$\$)",
    "block_math_latex": r"(?s:(?<!\\)\\\\\[(?P<math_block_latex>.*?)(?<!\\)\\\\\])",
    "inline_math_tex": r"(?s:(?<![$\\])\$(?P<math_inline_tex>.+?)(?<![$\\])\$)",
    "inline_math_latex": r"(?s:(?<!\\)\\\\\((?P<math_inline_latex>.*?)(?<!\\)\\\\\))",
    "latex_environment": (
        r"(?s:\\begin\{(?P<math_env_name>[a-z]*\*?)\}"
        r"(?P<math_env_body>.*?)"
        r"\\end\{(?P=math_env_name)\})"
    ),
}
PLUGINS = ("strikethrough", "table", "url", "task_lists", "def_list")

_CODE = {"pre", "code"}


def differ_in_code_alone(one: str, other: str) -> bool:
    """Say whether two texts make the same page but for what stands in code; no, if nobody knows."""
    try:
        return _outside_code(render(one)) == _outside_code(render(other))
    except (ImportError, RecursionError):
        return False


def _outside_code(html: str) -> list[object]:
    page = _Page()
    page.feed(html)
    page.close()
    return page.outside_code


def render(text: str) -> str:
    """Return the HTML that nbconvert would make of a text, but for colours and ids."""
    markdown: Any = _renderer()
    return str(markdown(text))


@cache
def _renderer() -> Any:
    import mistune
    from mistune.plugins import import_plugin

    class Blocks(mistune.BlockParser):
        SPECIFICATION: ClassVar[dict[str, str]] = {
            **mistune.BlockParser.SPECIFICATION,
            "atx_heading": HEADING,
            "multiline_math": BLOCK_MATH,
        }
        DEFAULT_RULES: ClassVar[Any] = ("multiline_math", *mistune.BlockParser.DEFAULT_RULES)

        def parse_multiline_math(self, found: re.Match[str], state: Any) -> int:
            state.add_paragraph(found[0])
            return found.end()

    class Inline(mistune.InlineParser):
        SPECIFICATION: ClassVar[dict[str, str]] = {
            **mistune.InlineParser.SPECIFICATION,
            **INLINE_MATH,
        }
        DEFAULT_RULES: ClassVar[Any] = (*INLINE_MATH, *mistune.InlineParser.DEFAULT_RULES)

    def as_it_is(parser: Any, found: re.Match[str], state: Any) -> int:
        state.append_token({"type": "text", "raw": found[0]})
        return found.end()

    for rule in INLINE_MATH:
        setattr(Inline, f"parse_{rule}", as_it_is)
    plugins = [import_plugin(name) for name in PLUGINS]
    html = mistune.HTMLRenderer(escape=False, allow_harmful_protocols=True)
    return mistune.Markdown(html, Blocks(), Inline(hard_wrap=False), plugins)


class _Page(HTMLParser):
    """Keeps all elements of a page, and all its text but that of code."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.outside_code: list[object] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element with its attributes."""
        self.outside_code.append((tag, attrs))
        self._depth += tag in _CODE

    def handle_endtag(self, tag: str) -> None:
        """Keep where an element ends."""
        self.outside_code.append((tag,))
        self._depth -= tag in _CODE

    def handle_data(self, data: str) -> None:
        """Keep a text that is no code."""
        if not self._depth:
            self.outside_code.append(data)
