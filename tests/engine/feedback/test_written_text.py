"""What people wrote, as HTML of ours: formulas are set, and nothing that was written is obeyed."""

import re
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from selenium.webdriver.common.by import By

from autograder.feedback.written_text import MAX_FORMULA_LETTERS, formula, written_text
from autograder.pages.rendering import render_page
from shared import hostile_text

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
ELEMENTS = {
    *("p", "strong", "em", "ul", "ol", "li", "code", "pre", "blockquote", "br", "hr", "s"),
    *("table", "thead", "tbody", "tr", "th", "td", "a", "img", "span", "div"),
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msup", "msub", "msubsup", "mover"),
    *("munder", "munderover", "mfrac", "msqrt", "mroot", "mtable", "mtr", "mtd", "mstyle"),
    *("menclose", "mpadded", "mphantom", "mmultiscripts"),
}


class Elements(HTMLParser):
    """Keeps the elements of a text, and what they point to."""

    def __init__(self, html):
        super().__init__()
        self.names, self.attributes = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes += attrs


@pytest.mark.parametrize(
    ("tex", "holds"),
    [
        (r"\frac{1}{2}", "<mfrac>"),
        (r"w_1^\top S w", "<msubsup>"),
        (r"\sqrt{\lambda_2}", "<msqrt>"),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "<mtable"),
        (r"\begin{gathered} a \\ b \end{gathered}", "<mtable"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "<mtable"),
        (r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}", "<mtable"),
        (r"\mathbb{E}_{q}[\log p] - D_{\mathrm{KL}}(q \,\|\, p)", "<msub>"),
        (r"\underbrace{a + b}_{\text{kept}}", "<munder>"),
        (r"\left(\frac{a}{b}\right)^{-1}", "<msup>"),
        (r"x < y", "&#x0003C;"),
    ],
)
def test_a_formula_is_mathml(tex, holds):
    made = formula(tex)
    assert made.startswith('<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    assert holds in made
    assert "<code" not in made


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{",
        r"a & b",
        "x^x^x",
        "{" * 4000,
        r"\left(" * 300,
        "a_{" * 900,
        r"\frac" * 800,
        "x" * (MAX_FORMULA_LETTERS + 1),
        r"\style{color:red}{x}</math><script>alert(1)</script>",
    ],
)
def test_what_cannot_be_set_stays_as_it_was_written(tex):
    made = formula(tex)
    assert Elements(made).names <= ELEMENTS
    assert "<script" not in made
    if made.startswith("<code"):
        assert tex[:3].replace("&", "&amp;") in made


@pytest.mark.parametrize(
    "tex", [r"\href{javascript:alert(1)}{x}", r"\class{a}{x}", r"\cssId{a}{x}"]
)
def test_a_macro_that_does_more_than_set_letters_is_none(tex):
    attributes = {name for name, _ in Elements(formula(tex)).attributes}
    assert attributes.isdisjoint({"href", "id", "style", "onclick"})
    assert ("class", "a") not in Elements(formula(tex)).attributes


def test_formulas_in_a_text_by_each_of_their_signs():
    text = "a $x$ b\n\n$$\ny\n$$\n\n\\begin{align}\nz &= 1\n\\end{align}\n\nprice: 5$ or 6$"
    made = written_text(text)
    assert re.findall(r'<math [^>]*display="(\w+)"', made) == ["inline", "block", "block"]
    assert "5$ or 6$" in made


@pytest.mark.parametrize("attack", hostile_text.HOSTILE)
def test_nothing_but_harmless_elements_is_made(attack):
    found = Elements(written_text(attack))
    assert found.names <= ELEMENTS
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "srcdoc"]
    assert not [value for name, value in found.attributes if name in ("href", "src")]


def test_links_lead_to_the_net_and_nowhere_else():
    text = (
        "[a](https://example.org) [b](/logout) [c](javascript:x) [d](data:text/html,x) [e](file:x)"
    )
    links = [value for name, value in Elements(written_text(text)).attributes if name == "href"]
    assert links == ["https://example.org"]


def test_a_picture_is_the_cells_own_or_words():
    text = "![mine](attachment:a.png) ![theirs](https://a.org/x.png) ![none](attachment:b.png)"
    found = Elements(written_text(text, {"a.png": {"image/png": PNG}}))
    assert [value for name, value in found.attributes if name == "src"] == [
        f"data:image/png;base64,{PNG}"
    ]
    assert [value for name, value in found.attributes if name == "alt"] == ["mine"]


def test_a_heading_of_theirs_is_none_of_the_pages():
    assert "<h" not in written_text("# One\n\nTwo\n===\n\n## Three")


@pytest.mark.parametrize(
    "text", ["# a\n" * 20_000, "[" * 50_000, "$" * 50_000, "\\begin{a}" * 9000]
)
def test_too_much_is_plain(text):
    assert Elements(written_text(text)).names <= {"pre", "code", "p"}


@pytest.mark.browser
def test_what_would_run_without_our_rules_does_not_with_them(chromium, tmp_path):
    """Without the page's policy: the text alone is tried; the control is Markdown's own HTML."""
    text = "\n\n".join(hostile_text.HOSTILE)
    page = tmp_path / "page.html"
    for made, runs in ((written_text(text), False), (MarkdownIt().render(text), True)):
        page.write_text(f"<!DOCTYPE html><title>t</title><body>{made}</body>")
        chromium.get(page.as_uri())
        ran, handlers, links = hostile_text.what_ran(chromium)
        assert bool(ran or handlers) == runs
        assert runs or links == []
        assert hostile_text.shows_the_text(chromium) or runs


@pytest.mark.browser
def test_a_formula_is_as_wide_and_high_as_one_that_is_set(chromium, tmp_path):
    page = tmp_path / "page.html"
    made = written_text(r"$\frac{1}{2}$")
    page.write_text(f"<!DOCTYPE html><body>{made}</body>")
    chromium.get(page.as_uri())
    shown = chromium.find_element(By.TAG_NAME, "mfrac").rect
    # One digit over the other, not beside it.
    assert shown["height"] > 1.5 * shown["width"] > 0


def test_a_page_renders_from_the_package_that_asks():
    with pytest.raises(Exception, match=r"nothing\.html\.j2"):
        render_page("autograder.feedback", "nothing.html.j2", scripted=False)
