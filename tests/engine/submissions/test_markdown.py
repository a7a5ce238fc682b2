"""Markdown that a page could obey is taken apart; what people write is shown as they wrote it."""

import random
import re
import time
from html.parser import HTMLParser

import pytest
from nbconvert.filters import markdown_mistune
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from autograder.submissions import rendered
from autograder.submissions.formulas import HARMLESS, UNSEEN
from autograder.submissions.markdown import (
    MAX_CELL_LETTERS,
    clean_markdown,
    is_too_much,
    plain_text,
)

NAMES = {"square-tests", "square-tests-comment", "square-tests_extra_credit", "why_squares"}
ACTIVE = re.compile(r"\\(href|newcommand|def|style|cssId|require|unicode|bbox|mmlToken)")
ELSEWHERE = re.compile(r"https?://[\w-]+(\.[\w-]+)*\.[a-z]{2,}([/?#]|$)|mailto:")
DELIMITER = re.compile(r"\$|\\\(|\\\[|\\begin")


class Page(HTMLParser):
    """What is wrong with a page."""

    def __init__(self, html):
        super().__init__()
        self.wrong, self.read, self._in_code = [], "", 0
        self.feed(html)
        self.close()
        if DELIMITER.search(self.read):
            self.wrong += ACTIVE.findall(self.read)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self._in_code += tag in ("pre", "code")
        is_own = attrs.get("class") == "anchor-link" and attrs["href"].startswith("#%E2%80%8B")
        is_end = attrs.get("class") == "anchor-link" and attrs["href"].endswith("%E2%80%8B")
        if tag in ("img", "script", "iframe", "form", "style", "svg", "link", "meta", "b"):
            self.wrong.append(tag)
        if not (is_own or is_end or ELSEWHERE.match(attrs.get("href") or "mailto:")):
            self.wrong.append(attrs["href"])
        if attrs.get("id") in NAMES or any(name.startswith("on") for name in attrs):
            self.wrong.append(attrs)
        if (attrs.get("class") or "").startswith(("mermaid", "jp-Mermaid")):
            self.wrong.append(attrs)

    def handle_endtag(self, tag):
        self._in_code -= tag in ("pre", "code")

    def handle_data(self, data):
        if not self._in_code:
            self.read += data


def wrong(text):
    return Page(markdown2html_mistune(text)).wrong


HOSTILE = {
    "picture": "![x](/logout)",
    "remote picture": "![x](https://evil.example/p.png)",
    "picture by reference": "![x][r]\n\n[r]: /logout",
    "picture by a short reference": "![r]\n\n[r]: https://evil.example/p.png",
    "picture in a link": "[![x](/logout)](https://a.example)",
    "picture in a table": "| a |\n|---|\n| ![x](/logout) |",
    "picture after a code span that is none": "`` ![x](/logout) ```",
    "picture after a backslash": "\\`![x](/logout)\\`",
    "picture after a formula": "$`$ ![x](/logout) `",
    "picture in a fence within a formula": "$$\n```\n$$\n![x](/logout)\n$$\n```\n$$",
    "missing attachment": "![x](attachment:x.png)",
    "heading": "# square-tests",
    "heading without a space": "#square-tests",
    "heading of a comment": "### square-tests-comment",
    "heading of extra credit": "## square-tests_extra_credit ##",
    "heading with code": "# `square-tests`",
    "heading in a quote": "> > # square-tests",
    "heading in a list": "1. - # square-tests",
    "heading in a continued list": "- a\n\n  # square-tests",
    "heading in a definition": "a\n: # why_squares",
    "underlined heading": "square-tests\n===",
    "underlined heading, dashes": "square-tests\n-",
    "underlined heading in a quote": "> square-tests\n> ---",
    "underlined heading in a list": "- square-tests\n  ===",
    "underlined heading of code": "[](https://a.example)```square-tests\n```\n===",
    "link to a page of ours": "[x](../../formgrader/x)",
    "link to logging out": "[x](/logout)",
    "link to an own place": "[x](#square-tests)",
    "link without a scheme": "[x](//evil.example)",
    "link to this machine": "[x](http://localhost:8888/logout)",
    "link to a number": "[x](http://127.0.0.1:8888/logout)",
    "link by reference": "[x]\n\n[x]: /logout",
    "link to a script": "[x](javascript:alert(1))",
    "link to data": "[x](data:text/html,a)",
    "bare link to a number": "http://127.0.0.1:8888/logout",
    "bare link with another's name": "https://good.example@localhost/",
    "link in brackets": "<http://localhost:8888/logout>",
    "diagram": '```mermaid\ngraph TD\nA --> B\nclick A href "/logout"\n```',
    "diagram with tildes": "~~~ mermaid x\na\n~~~",
    "macro": r"$\href{javascript:alert(1)}{x}$",
    "macro of one's own": r"$\newcommand{\h}[1]{\href{#1:alert(1)}{x}}\h{javascript}$",
    "macro after a backslash": r"\$\\href{javascript:alert(1)}{x}\$",
    "macro in brackets": r"\\(\href{a}{b}\\)",
    "macro in an environment": r"\begin{align}\style{position:fixed}{x}\end{align}",
    "macro by def": r"$\def\h{\href}\h{a}{b}$",
    "macro by MathML": r'$\mmlToken{mi}[href="javascript:alert(1)"]{x}$',
    "macro in code that is none": r"`` $\href{a}{b}$ ```",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_loaded_opened_or_taken(name):
    assert wrong(clean_markdown(HOSTILE[name])) == []


FRAGMENTS = [
    *HOSTILE.values(),
    *("![", "](", "]:", "[x]", "[r]", "[", "]", "(", ")", "!", "\n", "\n\n", "===", "---", "#"),
    *("`", "``", "```", "~~~", "$", "$$", "\\(", "\\[", "\\\\(", "\\\\[", "\\]", "\\begin{a}"),
    *("\\end{a}", "\\href", "> ", "- ", "1. ", "    ", "|", "|-|", "\\", "*", "_", "~~", "\t"),
    *(": ", "<b>", "<!--", "-->", "&lt;", "&#60;", UNSEEN, "\\`", "\\$", "python", "a", "mermaid"),
]


@pytest.mark.parametrize("seed", range(4))
def test_no_mixture_is_loaded_opened_or_taken_either(seed):
    rng = random.Random(seed)
    found = 0
    for _ in range(400):
        text = "".join(rng.choices(FRAGMENTS, k=rng.randint(2, 12)))
        cleaned = clean_markdown(text)
        assert wrong(cleaned) == [], (text, cleaned)
        try:
            found += bool(wrong(text))
        except markdown_mistune.InvalidNotebook:
            found += 1
    # As it was written, most of it would do harm.
    assert found > 200


def test_a_link_says_where_it_leads():
    assert clean_markdown("[Gradebook](https://evil.example/a)!") == (
        "[Gradebook](https://evil.example/a) ↗ evil.example!"
    )
    assert clean_markdown("[ask](mailto:eve@evil.example)").endswith(" ↗ eve@evil.example")
    forged = "[Gradebook](https://evil.example/a) ↗ good.example"
    assert "↗ evil.example ↗ good.example" in clean_markdown(forged)


AS_WRITTEN = [
    "The loss is $L = -\\mathbb{E}_{q}[\\log p(x \\mid z)]$, with $\\sigma^2 > 0$ and $a \\le b$.",
    "$$\\begin{aligned} a &= b \\\\ &\\le c \\end{aligned}$$",
    "$f(x) = \\begin{cases} 1 & x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}$",
    "\\begin{equation}\\label{a} \\Sigma = \\begin{pmatrix} 1 & \\rho \\\\ \\rho & 1 \\end{pmatrix}"
    "\\end{equation}",
    "$\\operatorname*{arg\\,max}_\\theta \\left\\lVert \\nabla f \\right\\rVert_2\\hspace{1em}$",
    "The path is `C:\\temp\\new`, the pattern `\\d+\\.\\d*`, the macro `\\href{a}{b}`; $x$",
    "`a[0](x)`, `x[1:]: y`, `![no](picture)` and `<tag>` are code",
    "```python\n# square-tests\nvalue = calls[0](x)  # ![a](b)\nprint('<b>\\n$')\n---\n```",
    "~~~\nplain\n~~~\n\n    indented = [1, 2]\n",
    "| a | b |\n|---|:-:|\n| $x$ | `y` |\n\n> quote\n> more\n\n1. one\n   - two\n- [ ] a\n- [x] b",
    "Term\n: definition\n\n**bold** *it* ~~no~~ – café, 数学, 😀; 3 < 4 > 2, R&D, #3, C# & [1]",
    "see https://arxiv.org/abs/1312.6114 (and https://pytorch.org/docs).",
    "the data: 5 points! [sic] (a)[b]",
]


@pytest.mark.parametrize("text", AS_WRITTEN)
def test_what_people_write_makes_the_very_same_page(text):
    assert markdown2html_mistune(clean_markdown(text)) == markdown2html_mistune(text)


def seen(html):
    """Return what a person sees of a page."""
    html = re.sub(r' (id|href)="[^"]*"', "", html)
    return html.replace("&#8203;", "").replace(UNSEEN, "")


@pytest.mark.parametrize("text", ["# My *answer*\n\ntext", "## a ##", "Title\n=====\n\nb\n---\nc"])
def test_headings_look_as_they_were_written(text):
    assert seen(markdown2html_mistune(clean_markdown(text))) == seen(markdown2html_mistune(text))


@pytest.mark.parametrize("text", [*HOSTILE.values(), *AS_WRITTEN])
def test_cleaning_again_changes_nothing(text):
    assert clean_markdown(clean_markdown(text)) == clean_markdown(text)


SLOW = {
    "environments": "\\begin{a}",
    "environments that end": "\\begin{a}\\end{b}",
    "brackets of formulas": "\\\\(",
    "displayed formulas": "\\\\[",
    "headings": "# a\n",
    "underlined headings": "a\n=\n",
    "lists and headings": "- - \t# a\n",
    "quotes and lists": "a\n-\n>",
    "quotes in quotes": "> - a\n> > b\n",
    "lists": "* a\n",
    "tables": "|a|\n|-|\n",
    "stars": "*a ",
    "links": "[[](",
    "pictures": "![a](",
    "tildes": "~",
    "backticks": "` `` ",
    "dollars": "$a",
    "backslashes": "\\",
    "spaces": " ",
    "number signs": " 1#",
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.parametrize("letters", [10_000, MAX_CELL_LETTERS - 100, 2 * MAX_CELL_LETTERS])
def test_no_cell_keeps_a_page_waiting(name, letters):
    text = SLOW[name] * (letters // len(SLOW[name]))
    began = time.process_time()
    page = markdown2html_mistune(clean_markdown(text))
    # As it was written: up to minutes, or no page at all. A loaded machine is slower than an idle.
    assert time.process_time() - began < 4
    assert len(page) < 10 * MAX_CELL_LETTERS


def test_what_is_too_much_is_plain_text_with_nothing_in_it():
    text = "# square-tests\n![x](/logout)\n````\n~~~~\n" + "\\begin{a}" * 300
    assert is_too_much(text)
    shown = markdown2html_mistune(clean_markdown(text))
    assert wrong(clean_markdown(text)) == []
    assert shown.count("<pre>") == 1
    assert "![x](/logout)" in shown


def test_the_end_of_a_cell_without_end_is_cut_and_told():
    shown = plain_text("x" * (MAX_CELL_LETTERS + 5))
    assert shown.endswith("The rest of this cell, 5 letters, is not shown.")
    assert len(shown) < MAX_CELL_LETTERS + 100


def test_formulas_are_found_as_nbconvert_finds_them():
    blocks, inline = markdown_mistune.MathBlockParser, markdown_mistune.MathInlineParser
    assert blocks.ATX_HEADING_WITHOUT_LEADING_SPACES == rendered.HEADING
    assert blocks.MULTILINE_MATH == rendered.BLOCK_MATH
    assert {name: inline.SPECIFICATION[name] for name in rendered.INLINE_MATH} == (
        rendered.INLINE_MATH
    )
    assert inline.DEFAULT_RULES[:5] == tuple(rendered.INLINE_MATH)
    assert markdown_mistune.MarkdownWithMath.DEFAULT_PLUGINS == rendered.PLUGINS


def test_without_the_renderer_code_is_taken_apart_too(monkeypatch):
    def missing():
        raise ImportError("mistune")

    text = "`![a](b)`"
    assert clean_markdown(text) == text
    monkeypatch.setattr(rendered, "_renderer", missing)
    assert clean_markdown(text) == f"`!{UNSEEN}[a]{UNSEEN}(b)`"


def test_no_macro_that_does_more_than_typeset_is_harmless():
    active = (
        "href url style class cssId id data tooltip texttip mathtip toggle require def gdef let "
        "newcommand renewcommand providecommand newenvironment Newextarrow edef unicode "
        "DeclareMathOperator bbox mmlToken enclose verb rule Rule Space raise lower moveleft "
        "moveright kern mkern hskip mskip mspace llap rlap begingroup endgroup global csname input"
    )
    assert not HARMLESS & set(active.split())
