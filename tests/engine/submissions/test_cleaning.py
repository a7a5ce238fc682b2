"""What a student wrote is safe in an instructor's browser, and still reads as it was written."""

import base64
import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from autograder.submissions.cleaning import clean_markdown, clean_outputs

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
KNOWN_TAGS = {"p", "a", "img", "code", "pre", "em", "strong", "li", "ul", "blockquote", "h1", "br"}


class Page(HTMLParser):
    """The tags and links of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.names, self.links = set(), set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


ATTACKS = {
    "script": "<script>alert(1)</script>",
    "script in capitals": "<ScRiPt >alert(1)</sCrIpT>",
    "image with a handler": "<img src=x onerror=alert(1)>",
    "svg": "<svg/onload=alert(1)>",
    "iframe": '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "form": "<form action=https://evil.example><input name=a></form>",
    "style": "<style>@import 'https://evil.example'</style>",
    "comment": "<!--><script>alert(1)</script>-->",
    "processing instruction": "<?php echo 1 ?>",
    "tag over two lines": "<img\nsrc=x\nonerror=alert(1)>",
    "tag in a formula": "$<img src=x onerror=alert(1)>$",
    "tag in a displayed formula": "$$\n<script>alert(1)</script>\n$$",
    "tag from entities": "&#60;script&#62;alert(1)&#60;/script&#62;",
    "link": "[x](javascript:alert(1))",
    "link in capitals": "[x](JaVaScRiPt:alert(1))",
    "link by number entities": "[x](&#106;avascript:alert(1))",
    "link by a hexadecimal entity": "[x](javascript&#x3A;alert(1))",
    "link by a named entity": "[x](javascript&colon;alert(1))",
    "link by a tab entity": "[x](java&Tab;script:alert(1))",
    "link by line entities": "[x](&NewLine;java&NewLine;script&colon;alert(1))",
    "link by a backslash": "[x](javascript\\:alert(1))",
    "link with a tab": "[x](<java\tscript:alert(1)>)",
    "link with space before": "[x](< java\tscript:alert(1)>)",
    "link with a control character": "[x](\x01javascript:alert(1))",
    "link by reference": "[x]\n\n[x]: javascript&colon;alert(1)",
    "automatic link": "<javascript:alert(1)>",
    "picture": "![x](javascript&colon;alert(1))",
    "vbscript": "[x](vbscript:msgbox(1))",
    "data": "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "attribute by a title": '[x](https://a.example "a\\" onmouseover=\\"alert(1)")',
}


@pytest.mark.parametrize("name", ATTACKS)
def test_active_markdown_is_inert_once_rendered(name):
    page = Page(markdown2html_mistune(clean_markdown(ATTACKS[name])))
    assert page.tags <= KNOWN_TAGS
    assert page.names <= {"href", "src", "alt", "title", "class", "id", "target"}
    for link in page.links:
        # What browsers overlook in a scheme; what is percent-encoded they do not decode there.
        plain = re.sub(r"[\x00-\x20]", "", link).lower()
        assert not plain.startswith(("javascript:", "vbscript:", "data:"))


PROSE = [
    "The loss is $L = -\\mathbb{E}[\\log p(x)]$, as $\\sigma^2 > 0$ and $a < b$.",
    "$$\\begin{aligned} a &= b \\\\ &\\le c \\end{aligned}$$",
    "R&D, Q&A; x & y; 3 < 4 > 2 and x <- y, `a -> b`",
    "&lt;tag&gt; &amp; &nbsp; &quot;quoted&quot;",
    "[a paper](https://arxiv.org/abs/1312.6114) ↗ arxiv.org, **bold**, *it*, ~~a~~ café, 数学, 😀",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n- item\n\n```python\nx = {'a': 1}\n```",
    "JavaScript is a language; the data is noisy.",
]


@pytest.mark.parametrize("text", PROSE)
def test_prose_and_formulas_are_left_alone(text):
    assert clean_markdown(text) == text


def test_a_formula_with_a_less_than_sign_means_the_same():
    assert clean_markdown("$a<b$ and $x\\,<y$") == "$a< b$ and $x\\,< y$"


def test_cleaning_twice_changes_nothing_more():
    for text in [*ATTACKS.values(), *PROSE]:
        assert clean_markdown(clean_markdown(text)) == clean_markdown(text)


def display(**data):
    return {"output_type": "display_data", "data": data}


def test_only_text_and_png_pictures_are_kept():
    data = {
        "text/html": "<script>alert(1)</script>",
        "image/svg+xml": "<svg onload='alert(1)'/>",
        "application/javascript": "alert(1)",
        "text/latex": "\\href{javascript:alert(1)}{x}",
        "text/markdown": "[x](javascript:alert(1))",
        "application/vnd.jupyter.widget-view+json": "{}",
        "image/jpeg": "aaaa",
        "text/plain": "x",
        "image/png": PNG,
    }
    (cleaned,) = clean_outputs([display(**data)])
    assert cleaned["data"] == {"text/plain": "x", "image/png": PNG}
    assert cleaned["metadata"] == {}


FAKE_PNGS = {
    "svg": base64.b64encode(b"<svg onload='alert(1)'/>").decode(),
    "not base64": "\x89PNG",
    "quotes": PNG + '" onerror="alert(1)',
    "html": "<script>alert(1)</script>",
    "letters that are not ASCII": "é" * 8,
    "a list": [PNG],
    "null": None,
    "empty": "",
    "too large": base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(13 * 2**20)).decode(),
}


@pytest.mark.parametrize("name", FAKE_PNGS)
def test_a_fake_png_is_dropped(name):
    (cleaned,) = clean_outputs([display(**{"text/plain": "x", "image/png": FAKE_PNGS[name]})])
    assert cleaned["data"] == {"text/plain": "x"}


HOSTILE_OUTPUTS = [
    None,
    1,
    "text",
    [],
    {},
    {"output_type": "update_display_data", "data": {}},
    {"output_type": ["stream"]},
    {"output_type": "display_data"},
    {"output_type": "display_data", "data": "x"},
    {"output_type": "execute_result", "data": []},
]


@pytest.mark.parametrize("output", HOSTILE_OUTPUTS, ids=str)
def test_an_output_that_is_none_is_dropped(output):
    assert clean_outputs([output]) == []


ODD_OUTPUTS = [
    {"output_type": "stream", "name": "<b>", "text": ["a", 1]},
    {"output_type": "stream", "text": "a\x00b\ud800\x1b[31m\x07", "metadata": {"a": 1}},
    {"output_type": "execute_result", "data": {"text/plain": 3}, "execution_count": "x"},
    {"output_type": "error", "ename": 1, "evalue": None, "traceback": "x"},
    {"output_type": "error", "ename": "E" * 999, "evalue": "v", "traceback": [None, "a\x00"] * 999},
]


@pytest.mark.parametrize("output", ODD_OUTPUTS, ids=range(len(ODD_OUTPUTS)))
def test_an_odd_output_is_brought_into_nbformats_form(output):
    cleaned = clean_outputs([output])
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.from_dict(one) for one in cleaned])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.validate(notebook)
    text = nbformat.writes(notebook).encode().decode()
    assert len(cleaned) == 1
    assert len(text) < 10_000
    assert "\\u0000" not in text
    assert "\\ud800" not in text


def test_control_characters_are_replaced_and_colours_kept():
    (cleaned,) = clean_outputs([{"output_type": "stream", "text": "a\x00\x07\x1b[31m\tb\r\n"}])
    assert cleaned["text"] == "a\ufffd\ufffd\x1b[31m\tb\r\n"


def test_no_cell_has_more_outputs_than_a_person_reads():
    assert len(clean_outputs([{"output_type": "stream", "text": "a"}] * 5000)) == 200
