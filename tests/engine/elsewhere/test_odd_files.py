"""Files as programs and people leave them: read to the same cells, or named in people's words."""

import base64
import json
import re
import time

import nbformat
import pytest
from nbconvert import HTMLExporter

from autograder.submissions.pictures import MAX_PICTURES, with_pictures
from autograder.submissions.reading import UnreadableNotebook, is_same_text, parse
from autograder.submissions.rebuilding import rebuild
from shared.odd_notebooks import FORMS, PNG, PNG_BYTES, REFUSED, TEXTS, picture_cell

PYTHONS_WORDS = re.compile(
    r"Expecting|Extra data|Unterminated|codec|NoneType|not associated|object|Error|argument"
)


@pytest.mark.parametrize("form", FORMS)
def test_an_odd_file_is_rebuilt_as_the_whole_one(form, notebook, release):
    made = rebuild(parse(FORMS[form](notebook()), "toy.ipynb"), release)
    expected = rebuild(parse(json.dumps(notebook()).encode(), "toy.ipynb"), release)
    assert made.notes == []
    for one, other in zip(made.notebook.cells, expected.notebook.cells, strict=True):
        assert (one.cell_type, one.metadata) == (other.cell_type, other.metadata)
        assert is_same_text(one.source, other.source)
        assert "\r" not in one.source
    assert [index for index, _ in made.cells_to_run()] == [
        index for index, _ in expected.cells_to_run()
    ]
    nbformat.validate(made.notebook)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_letters_survive_every_encoding(encoding, notebook):
    made = notebook(square="def square(x):\n    return x**2  # Größe, naïve, «é»")
    made["cells"] = [cell for cell in made["cells"] if "Größe" in cell["source"]]
    content = json.dumps(made, ensure_ascii=False).encode(encoding)
    assert any("Größe, naïve, «é»" in cell.source for cell in parse(content, "toy.ipynb"))


def test_a_damaged_letter_costs_no_other(notebook):
    made = notebook(square="def square(x):\n    return x**2  # Größe — 数学")
    content = json.dumps(made, ensure_ascii=False).encode()
    content = content.replace("ß".encode(), b"\xff")
    (answer,) = [cell for cell in parse(content, "toy.ipynb") if "Gr" in cell.source]
    assert "Grö\ufffde — 数学" in answer.source


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_none_is_named_in_peoples_words(name):
    content, said = REFUSED[name]
    with pytest.raises(UnreadableNotebook) as caught:
        parse(content, "toy.ipynb")
    message = str(caught.value)
    assert message.startswith(f"toy.ipynb {said}")
    assert not PYTHONS_WORDS.search(message)
    assert message.isprintable()
    assert len(message) < 200
    # It says what to do.
    assert re.search(r": \w+ .*|submit it again$", message)


def test_a_notebook_may_begin_as_nothing_else(notebook):
    # The signature of a tar archive, at its place, is a text like any other.
    text = json.dumps({"a": "x" * 400, **notebook()})
    content = text.encode()[:257] + b"ustar" + text.encode()[262:]
    assert parse(content, "toy.ipynb")


CELLS = {
    "of nbformat 3": ({"cell_type": "code", "input": ["a\n", "b"]}, ("code", "a\nb")),
    "a heading": ({"cell_type": "heading", "level": 2, "source": "T"}, ("markdown", "## T")),
    "a heading of no level": ({"cell_type": "heading", "source": "T"}, ("markdown", "# T")),
    "a heading of a huge level": (
        {"cell_type": "heading", "level": 1e9, "source": "T"},
        ("markdown", "# T"),
    ),
    "of HTML": ({"cell_type": "html", "source": "T"}, ("markdown", "T")),
    "in capitals": ({"cell_type": "CODE", "source": "x"}, ("code", "x")),
    "without type, with outputs": ({"outputs": [], "source": "x"}, ("code", "x")),
    "without type": ({"source": "x"}, ("markdown", "x")),
    "without text": ({"cell_type": "code"}, ("code", "")),
    "text null": ({"cell_type": "code", "source": None}, ("code", "")),
    "text a number": ({"cell_type": "code", "source": 3}, ("code", "")),
    "text an object": ({"cell_type": "code", "source": {"a": 1}}, ("code", "")),
    "lines of all kinds": ({"cell_type": "code", "source": ["a", None, 3]}, ("code", "a")),
    "PyCharm's": ({"cell_type": "code", "source": "#%%\n%%time\nx"}, ("code", "%%time\nx")),
    "PyCharm's alone": ({"cell_type": "code", "source": "#%%"}, ("code", "")),
    "a comment of one's own": (
        {"cell_type": "code", "source": "# %% my cell\nx"},
        ("code", "# %% my cell\nx"),
    ),
    "lines of Windows in a text": (
        {"cell_type": "code", "source": 'a = """x\r\ny"""'},
        ("code", 'a = """x\ny"""'),
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_what_it_was_meant_to_be(name):
    cell, expected = CELLS[name]
    (read,) = parse(json.dumps({"cells": [cell]}).encode(), "toy.ipynb")
    assert (read.cell_type, read.source) == expected


def test_a_text_changed_by_more_than_blanks_is_told(notebook, release):
    made = notebook()
    locked = next(
        cell for cell in made["cells"] if cell["metadata"].get("nbgrader", {}).get("locked")
    )
    locked["source"] = locked["source"].replace("\n", "\r\n") + "\r\nx = 1"
    rebuilt = rebuild(parse(json.dumps(made).encode(), "toy.ipynb"), release)
    assert len(rebuilt.notes) >= 1


def page_of(cell, release):
    """Return a cell's part of a page as nbconvert makes it; and the notes for the TA."""
    content = json.dumps({"cells": [cell]}).encode()
    rebuilt = rebuild(parse(content, "toy.ipynb"), release)
    added = [one for one in rebuilt.notebook.cells if not one.metadata.get("nbgrader")]
    page = nbformat.v4.new_notebook(cells=added)
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(page)
    return html, [note for note in rebuilt.notes if "picture" in note]


@pytest.mark.parametrize("name", TEXTS)
def test_each_picture_is_shown_or_told(name, release):
    _, count, said = TEXTS[name]
    html, notes = page_of(picture_cell(name), release)
    shown = re.findall(r"<img [^>]*src=\"([^\"]*)\"", html)
    assert len(shown) == count
    assert all(re.match(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+$", one) for one in shown)
    assert said in html
    assert bool(notes) == (
        "not kept" in said or "is a HEIC" in said or "is an SVG" in said or "beside" in said
    )


def test_a_cell_keeps_some_pictures_and_tells_of_the_others():
    contents = [PNG_BYTES + bytes(number) for number in range(MAX_PICTURES + 3)]
    addresses = [base64.b64encode(content).decode() for content in contents]
    made = with_pictures(" ".join(f"![a](data:image/png;base64,{a})" for a in addresses), None)
    assert len(made.attachments) == MAX_PICTURES
    assert made.text.count("picture not kept") == 3
    assert made.lost == (f"a cell shows {MAX_PICTURES} at most",)


def test_a_large_picture_is_not_shown_without_end():
    large = base64.b64encode(PNG_BYTES + bytes(2**20)).decode()
    made = with_pictures("![a](attachment:a.png)\n" * 1000, {"a.png": {"image/png": large}})
    assert made.text.count("](attachment:") == 3
    assert made.lost == ("it is shown too often",)


def test_pictures_are_rebuilt_twice_as_once(release):
    cells = [picture_cell(name) for name in TEXTS]
    first = rebuild(parse(json.dumps({"cells": cells}).encode(), "toy.ipynb"), release).notebook
    again = rebuild(parse(nbformat.writes(first).encode(), "toy.ipynb"), release)
    assert again.notes == []
    assert nbformat.writes(again.notebook) == nbformat.writes(first)


SLOW = {
    "pictures without end": "![a](" * 200_000,
    "brackets without end": "![" * 300_000,
    "one long text": "![" + "a" * 2_000_000,
    "tags": "<img " * 200_000,
    "one tag": "<img " + 'src="' * 300_000 + ">",
    "blanks in a tag": "<img " + "src   " * 300_000 + ">",
    "definitions": ("[a]:" + " " * 1000 + "\n") * 1000,
    "pairs of brackets": "![a](" + "()" * 500_000,
    "blanks": "![a](" + " " * 2_000_000 + ")",
    "quotes": "![a](x" + ' "' * 300_000 + ")",
    "backslashes": "![a](" + "\\(" * 300_000 + ")",
    "backticks": "`![a](x)`" * 200_000,
    "references": "[a]: x\n" * 100_000 + "![a]" * 100_000,
    "a large picture": f"![a](data:image/png;base64,{PNG}{'A' * 12_000_000})",
}


_LARGE = "A" * 8 * 2**20
# Each is another way to write one name; each letter of it can be written so.
_SPELLED = [
    "".join(
        f"%{ord(letter):02x}" if number >> place & 1 else letter
        for place, letter in enumerate("a_large_one")
    )
    for number in range(2000)
]
NAMED = {
    "one that is none, often": " ".join(f"![a](attachment:{name})" for name in _SPELLED),
    "one without end": "![a](attachment:" + "%41" * 4_000_000 + ")",
    "a file without end": "![a](" + "%41" * 4_000_000 + ")",
    "an address of codes": "![a](data:image/png;base64," + "%41" * 4_000_000 + ")",
}


@pytest.mark.parametrize("name", NAMED)
def test_no_attachment_is_looked_at_twice(name):
    began = time.process_time()
    made = with_pictures(NAMED[name], {"a_large_one": {"image/png": _LARGE}})
    assert time.process_time() - began < 5.0
    assert made.attachments == {}
    assert made.lost


@pytest.mark.parametrize("name", SLOW)
def test_no_text_takes_long_to_look_for_pictures(name):
    began = time.process_time()
    with_pictures(SLOW[name], {})
    assert time.process_time() - began < 5.0
