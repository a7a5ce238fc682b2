"""Notebooks as other programs, tools and people leave them: each a change to one that is whole.

`FORMS` are files whose cells are those of the whole one, `REFUSED` are files that are none, with
what is said of them, and `TEXTS` are Markdown cells with their attachments and what a page shows.
"""

import base64
import gzip
import io
import json
import zipfile

import nbformat

PNG_BYTES = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG_BYTES = b"\xff\xd8\xff\xe1\x00\x10Exif" + bytes(40)
HEIC_BYTES = b"\x00\x00\x00\x18ftypheic" + bytes(40)
PNG, JPEG, HEIC = (
    base64.b64encode(content).decode() for content in (PNG_BYTES, JPEG_BYTES, HEIC_BYTES)
)
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='top.ran=1'/>"


def dumped(notebook, **how):
    return json.dumps(notebook, **how).encode()


def changed(**top):
    """Return a change of a notebook's own keys; `...` takes one away."""

    def change(notebook):
        kept = {key: value for key, value in {**notebook, **top}.items() if value is not ...}
        return dumped(kept)

    return change


def each_cell(**keys):
    """Return a change of the same keys in each cell; `...` takes one away."""

    def change(notebook):
        for cell in notebook["cells"]:
            cell.update(keys)
            for key in [key for key, value in cell.items() if value is ...]:
                del cell[key]
        return dumped(notebook)

    return change


def text_changed(*pairs, encoding="utf-8", before=b"", after=b""):
    """Return a change of a file's text, and of how it is written."""

    def change(notebook):
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        return before + text.encode(encoding) + after

    return change


def sources(edit):
    """Return a change of every cell's text."""

    def change(notebook):
        for cell in notebook["cells"]:
            cell["source"] = edit(cell["source"])
        return dumped(notebook)

    return change


def as_lines(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    return dumped(notebook, indent=1)


def as_nbformat_3(notebook):
    old = nbformat.convert(nbformat.from_dict(notebook), 3)
    return nbformat.v3.writes_json(old).encode()


def untyped(notebook):
    next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")["cell_type"] = None
    return dumped(notebook)


def null_cell_metadata(notebook):
    for cell in notebook["cells"]:
        if not cell["metadata"].get("nbgrader"):
            cell["metadata"] = None
    return dumped(notebook)


def list_cell_metadata(notebook):
    for cell in notebook["cells"]:
        if not cell["metadata"].get("nbgrader"):
            cell["metadata"] = []
    return dumped(notebook)


NL = ("\\n", "\\r\\n")
FORMS = {
    "as it is": dumped,
    "byte order mark": text_changed(before=b"\xef\xbb\xbf"),
    "UTF-16 of PowerShell": text_changed(encoding="utf-16"),
    "UTF-16 without its mark": text_changed(encoding="utf-16-le"),
    "UTF-16, the other way round": text_changed(encoding="utf-16-be"),
    "UTF-32": text_changed(encoding="utf-32"),
    "zeros at its end": text_changed(after=b"\x00" * 4096),
    "Ctrl-Z at its end": text_changed(after=b"\r\n\x1a"),
    "lines of Windows around": text_changed(("\n", "\r\n")),
    "lines of Windows within": sources(lambda source: source.replace("\n", "\r\n")),
    "lines of an old Mac": sources(lambda source: source.replace("\n", "\r")),
    "blanks at ends of lines": sources(lambda source: source.replace("\n", " \n") + "\n\n"),
    "PyCharm's first line": sources(lambda source: f"#%%\n{source}"),
    "PyCharm's first line in text": sources(lambda source: f"#%% md\n{source}"),
    "VS Code's first line": sources(lambda source: f"# %%\n{source}"),
    "VS Code's first line in text": sources(lambda source: f"# %% [markdown]\n{source}"),
    "texts as lines": as_lines,
    "no metadata": changed(metadata=...),
    "metadata null": changed(metadata=None),
    "metadata a list": changed(metadata=[]),
    "no nbformat": changed(nbformat=..., nbformat_minor=...),
    "nbformat null": changed(nbformat=None),
    "nbformat 4.0": changed(nbformat=4.0),
    "nbformat in quotes": changed(nbformat="4"),
    "nbformat 5": changed(nbformat=5),
    "nbformat of many digits": text_changed(('"nbformat": 4', '"nbformat": ' + "9" * 9000)),
    "minor 5.0": changed(nbformat_minor=5.0),
    "minor null": changed(nbformat_minor=None),
    "minor in quotes": changed(nbformat_minor="5"),
    "minor of the future": changed(nbformat_minor=99),
    "minor below nothing": changed(nbformat_minor=-1),
    "worksheets besides": changed(worksheets=[]),
    "outputs null": each_cell(outputs=None),
    "outputs a text": each_cell(outputs="x"),
    "no outputs": each_cell(outputs=...),
    "outputs of no kind": each_cell(outputs=[{"a": 1}, None, "x"]),
    "attachments null": each_cell(attachments=None),
    "attachments a list": each_cell(attachments=["x"]),
    "attachments in code": each_cell(attachments={"a.png": {"image/png": PNG}}),
    "equal ids": each_cell(id="same"),
    "no ids": each_cell(id=...),
    "ids null": each_cell(id=None),
    "ids of all signs": each_cell(id="a b/ü"),
    "execution counts in quotes": each_cell(execution_count="1"),
    "keys nobody knows": each_cell(vscode={"languageId": "python"}),
    "a cell without type": untyped,
    "metadata of cells null": null_cell_metadata,
    "metadata of cells a list": list_cell_metadata,
    "NaN and Infinity": text_changed(('"nbformat": 4', '"a": NaN, "b": -Infinity, "nbformat": 4')),
    "keys twice": text_changed(('"nbformat": 4', '"nbformat": 3, "nbformat": 4')),
    "nbformat 3": as_nbformat_3,
}


def zipped(*names):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return made.getvalue()


def whole():
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**cell, "source": ["x = 1\n", "y = 2"]}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, indent=1)


_CONFLICT = (
    '   "source": [\n<<<<<<< HEAD\n    "x = 1"\n=======\n    "x = 2"\n>>>>>>> theirs\n   ]\n'
)
ITSELF = "submit the notebook itself, the .ipynb"
UNPACK = "unpack it and submit the notebook that is in it"
REFUSED = {
    "empty": (b"", "is empty: save the notebook and submit it again"),
    "white space": (b"\xef\xbb\xbf \n\t\n", "is empty: save"),
    "zeros": (b"\x00" * 512, "holds nothing but zeros: save"),
    "merge markers": (
        ('{\n "cells": [\n  {\n' + _CONFLICT + "  }\n ]\n}").encode(),
        "holds git's merge markers in line 5: mend the conflict and submit it again",
    ),
    "merge markers of Windows": (
        ("{\n" + _CONFLICT.replace("\n", "\r\n") + "}").encode(),
        "holds git's merge markers in line 3",
    ),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", f"is a PDF: {ITSELF}"),
    "zip": (zipped("a01_pca.ipynb"), f"is a zip archive: {UNPACK}"),
    "empty zip": (zipped(), "is an empty zip archive"),
    "gz": (gzip.compress(whole().encode()), f"is a gz archive: {UNPACK}"),
    "rar": (b"Rar!\x1a\x07\x01\x00", f"is a rar archive: {UNPACK}"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", f"is a 7z archive: {UNPACK}"),
    "bz2": (b"BZh91AY&SY", f"is a bz2 archive: {UNPACK}"),
    "xz": (b"\xfd7zXZ\x00", f"is an xz archive: {UNPACK}"),
    "tar": (b"a01.ipynb" + bytes(248) + b"ustar\x0000", f"is a tar archive: {UNPACK}"),
    "Word": (zipped("[Content_Types].xml", "word/document.xml"), f"is a Word document: {ITSELF}"),
    "Excel": (zipped("[Content_Types].xml", "xl/workbook.xml"), "is an Excel document"),
    "old Word": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a document of an old Office program"),
    "OpenDocument": (
        b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text",
        "is an OpenDocument text",
    ),
    "Pages": (zipped("Index/Document.iwa"), "is a Pages document"),
    "RTF": (b"{\\rtf1\\ansi x = 1}", f"is an RTF document: {ITSELF}"),
    "PNG": (PNG_BYTES, "is a PNG picture"),
    "JPEG": (JPEG_BYTES, "is a JPEG picture"),
    "HEIC": (HEIC_BYTES, "is a HEIC picture"),
    "GIF": (b"GIF89a", "is a GIF picture"),
    "WebP": (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "is a WebP picture"),
    "web page": (b"\n<!DOCTYPE html>\n<html><body>a01</body></html>", "is a web page, not the"),
    "page of GitHub": (b"<html lang='en'><head><title>a01_pca.ipynb", "is a web page"),
    "page with a comment first": (b"<!-- saved from url -->\n<html>", "is a web page"),
    "log-in": (
        b"<!doctype html><html><title>Log in to the site | Moodle</title>",
        "is the web page of a log-in, not the notebook: download",
    ),
    "log-in by password": (b"<html><form><input type='password'>", "is the web page of a log-in"),
    "page of XHTML": (b"<?xml version='1.0'?>\n<!DOCTYPE html>\n<html>", "is a web page"),
    "a part of a page": (b"<div class='cell'>x</div>", "is a web page"),
    "page saved in one file": (
        b"From: <Saved by Blink>\nSnapshot-Content-Location: https://a.example/\n",
        "is a web page",
    ),
    "a Mac's file": (b"\x00\x05\x16\x07\x00\x02", "is what a Mac keeps beside a file"),
    "a link": (b"[InternetShortcut]\nURL=https://a.example", "is a link to a web page"),
    "SVG": (b"<svg xmlns='x'></svg>", "is XML"),
    "XML": (b"<?xml version='1.0'?><a/>", "is XML"),
    "Python": (b"import numpy as np\n\n\ndef center(X):\n    return X\n", "is a Python script"),
    "Python of jupytext": (b"# %% [markdown]\n# Title\n", "is a Python script"),
    "Python of nbconvert": (b"#!/usr/bin/env python\n# coding: utf-8\n\n# In[1]:\n", "is a Python"),
    "Python below a comment": (b'"""My answers."""\n\nfrom math import pi\n', "is a Python script"),
    "plain text": (b"Dear TA,\nI could not upload my notebook.\n", f"is plain text: {ITSELF}"),
    "plain text of Windows": ("Grüße".encode("cp1252"), "is plain text"),
    "text with an underline": (b"Title\n=======\nhello\n", "is plain text"),
    "Markdown": (b"# Title\n\nSome *text*.\n", "is plain text"),
    "mail": (b"MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n", "is a mail"),
    "base64": (base64.encodebytes(whole().encode()), "is a file in base64, as mail programs wrap"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "is git-lfs's"),
    "diff": (b"diff --git a/a01.ipynb b/a01.ipynb\nindex 1..2\n", "is a list of changes"),
    "Google Drive": (b'{"doc_id": "1x", "email": "a@b.example"}', "is a link to Google Drive"),
    "Kaggle": (b'{"id": "a/b", "code_file": "a.ipynb"}', "is Kaggle's description"),
    "Zeppelin": (b'{"paragraphs": [], "name": "a"}', "is a Zeppelin notebook"),
    "GitHub's API": (b'{"message": "Not Found", "status": "404"}', "is an error message of a"),
    "Jupyter's API": (b'{"name": "a", "content": {"cells": []}}', "is Jupyter's answer"),
    "other JSON": (b'{"a": 1}', "is JSON but not a notebook: it has no cells"),
    "a list": (b"[1, 2]", "is JSON but not a notebook"),
    "in quotes": (json.dumps(whole()).encode(), "is JSON but not a notebook"),
    "cut off in a text": (whole().encode()[:150], "is cut off in line"),
    "cut off at its end": (whole().encode()[:-2], "is cut off in line 17, in transfer perhaps"),
    "cut off in a word": (b'{"cells": [], "metadata": nul', "is cut off in line 1"),
    "cut off after a colon": (b'{"cells": [], "metadata":', "is cut off in line 1"),
    "twice": (whole().encode() * 2, "goes on behind its end in line 18"),
    "a comma too many": (
        whole().replace('"y = 2"', '"y = 2",').encode(),
        "is damaged in line 12: open it in Jupyter, save it and submit it again",
    ),
    "comments": (b'{\n // mine\n "cells": []}', "is damaged in line 2"),
    "Python's own": (b"{'cells': [], 'nbformat': 4}", "is damaged in line 1"),
    "nested": (b"[" * 200_000, "is nested too deeply"),
    "values without end": (b"[" + b"{}," * 3_000_000, "holds more than 4,000,000 values"),
    "cells null": (b'{"cells": null}', "is not a whole notebook, for its cells are no list"),
    "cells an object": (b'{"cells": {"a": 1}}', "is not a whole notebook"),
    "a cell null": (b'{"cells": [null]}', "is not a whole notebook (cell 1 is no cell)"),
    "signs": (bytes(range(1, 32)) * 8, "is neither a notebook nor any text"),
}

_ATTACHED = {
    "proof.png": {"image/png": PNG},
    "my photo (1).jpg": {"image/jpeg": JPEG},
    "Übung.png": {"image/png": PNG},
    "wrong.png": {"image/png": JPEG},
    "odd.bin": {"application/octet-stream": JPEG},
    "jpg.jpg": {"image/jpg": JPEG},
    "lines.png": {"image/png": [PNG[:40] + "\n", PNG[40:] + "\n"]},
    "photo.heic": {"image/heic": HEIC},
    "fake.png": {"image/png": base64.b64encode(SVG.encode()).decode()},
    "drawing.svg": {"image/svg+xml": [SVG]},
    "empty.png": {},
    "null.png": None,
    "text.png": "x",
    "number.png": {"image/png": 3},
    "cut.png": {"image/png": PNG[:5]},
}
_NET = "it lies on the net"
_BESIDE = "is a file beside the notebook"
_MISSING = "is not in the notebook"
_LOST = "[picture not kept: "

TEXTS = {
    # What was written, how many pictures a page shows, and words it shows besides.
    "attached": ("![a](attachment:proof.png)", 1, ""),
    "attached, with a title": ('![a](attachment:proof.png "my proof")', 1, ""),
    "attached, in brackets": ("![a](<attachment:my photo (1).jpg>)", 1, ""),
    "attached, encoded": ("![a](attachment:my%20photo%20(1).jpg)", 1, ""),
    "attached, encoded whole": ("![a](attachment:my%20photo%20%281%29.jpg)", 1, ""),
    "attached, as it is": ("![a](attachment:my photo (1).jpg)", 1, ""),
    "attached, escaped": ("![a](attachment:my%20photo%20\\(1\\).jpg)", 1, ""),
    "attached, beyond ASCII": ("![Übung](attachment:%C3%9Cbung.png)", 1, ""),
    "attached, parted letters": ("![a](attachment:U\u0308bung.png)", 1, ""),
    "attached, brackets in its text": ("![eq. [1] and `x`](attachment:proof.png)", 1, ""),
    "attached twice": ("![a](attachment:proof.png) ![b](attachment:proof.png)", 2, ""),
    "attached, with a size": ("![a](attachment:proof.png =300x200)", 1, ""),
    "attached, by reference": ("![a][p]\n\n[p]: attachment:proof.png 'x'", 1, ""),
    "attached, by a short reference": ("![p]\n\n[p]: <attachment:proof.png>", 1, ""),
    "attached, by an empty reference": ("![My  P][]\n\n[my p]:\nattachment:proof.png", 1, ""),
    "attached, in HTML": ('<img width="300" src="attachment:proof.png" alt="a">', 1, ""),
    "attached, in HTML within HTML": ("<div><p><img src=attachment:proof.png></p></div>", 1, ""),
    "attached, in a link": ("[![a](attachment:proof.png)](https://a.example)", 1, ""),
    "attached, in a list and a table": (
        "- ![a](attachment:proof.png)\n\n| a |\n|---|\n| ![b](attachment:jpg.jpg) |",
        2,
        "",
    ),
    "a JPEG called PNG": ("![a](attachment:wrong.png)", 1, ""),
    "a JPEG of no kind": ("![a](attachment:odd.bin)", 1, ""),
    "a JPEG of an odd kind": ("![a](attachment:jpg.jpg)", 1, ""),
    "base64 in lines": ("![a](attachment:lines.png)", 1, ""),
    "an address that holds it": (f"![a](data:image/png;base64,{PNG})", 1, ""),
    "an address of a JPEG": (f"![a](data:image/jpeg;base64,{JPEG} 'x')", 1, ""),
    "an address of an odd kind": (f"![a](DATA:image/jpg;charset=utf-8;BASE64,{JPEG})", 1, ""),
    "an address, encoded": (
        "![a](data:image/png;base64,{})".format(PNG.replace("+", "%2B").replace("=", "%3D")),
        1,
        "",
    ),
    "an address in HTML": (f"<p><IMG alt='a' SRC = 'data:image/png;base64,{PNG}' /></p>", 1, ""),
    "an address by reference": (f"![a][1]\n\n[1]: data:image/png;base64,{PNG}", 1, ""),
    "two of Colab's": (f"![a](data:image/png;base64,{PNG})\n\n" * 2, 2, ""),
    "after a backtick that is not closed": (f"`x ![a](data:image/png;base64,{PNG}) ", 1, ""),
    "between backticks": (f"`x ![a](data:image/png;base64,{PNG}) y`", 0, ""),
    "lost": ("![a](attachment:lost.png)", 0, f"{_LOST}lost.png {_MISSING}"),
    "lost, in HTML": ("<img src='attachment:lost.png'>", 0, f"{_LOST}lost.png {_MISSING}"),
    "lost, by reference": ("![a][p]\n\n[p]: attachment:lost.png", 0, f"{_LOST}lost.png {_MISSING}"),
    "empty": ("![a](attachment:empty.png)", 0, f"{_LOST}empty.png {_MISSING}"),
    "null": ("![a](attachment:null.png)", 0, f"{_LOST}null.png {_MISSING}"),
    "of text": ("![a](attachment:text.png)", 0, f"{_LOST}text.png {_MISSING}"),
    "of a number": ("![a](attachment:number.png)", 0, f"{_LOST}number.png is no picture"),
    "cut off": ("![a](attachment:cut.png)", 0, f"{_LOST}cut.png is no picture"),
    "nameless": ("![a](attachment:)", 0, f"{_LOST}"),
    "HEIC": ("![a](attachment:photo.heic)", 0, "photo.heic is a HEIC picture"),
    "HEIC of Colab's": (f"![a](data:image/heic;base64,{HEIC})", 0, "it is a HEIC picture"),
    "SVG": ("![a](attachment:drawing.svg)", 0, "drawing.svg is an SVG picture"),
    "SVG called PNG": ("![a](attachment:fake.png)", 0, "fake.png is an SVG picture"),
    "SVG in an address": (f"![a](data:image/svg+xml;utf8,{SVG})", 0, f"{_LOST}it is an SVG"),
    "beside": ("![a](photo.jpg)", 0, f"photo.jpg {_BESIDE}"),
    "beside, in a folder": ("![a](./pictures/my%20photo.jpg)", 0, f"my photo.jpg {_BESIDE}"),
    "beside, in HTML": ('<img src="photo.jpg" width=400>', 0, f"photo.jpg {_BESIDE}"),
    "on the machine": ("![a](C:\\Users\\jo\\photo.jpg)", 0, f"photo.jpg {_BESIDE}"),
    "on the machine, as an address": ("![a](file:///home/jo/p.png)", 0, f"p.png {_BESIDE}"),
    "on the net": ("![a](https://a.example/x.png)", 0, f"{_LOST}{_NET}"),
    "on the net, in HTML": ("<img src='//a.example/x.gif'>", 0, f"{_LOST}{_NET}"),
    "shown as code": ("```\n![a](photo.jpg)\n```", 0, "![a](photo.jpg)"),
    "no picture": ("Is it ![a]? No!", 0, "Is it !"),
    "an address without end": (f"![a](data:image/png;base64,{PNG}", 0, ""),
    "a tag without end": (f"<img src='data:image/png;base64,{PNG}'", 0, ""),
    "many": ("![a](attachment:proof.png)\n\n" * 30, 30, ""),
    "many of Colab's": (
        "".join(f"![a{n}](data:image/png;base64,{PNG}?x)\n" for n in range(3)),
        0,
        f"{_LOST}",
    ),
}

CODE = [
    "x = 'a\x00b'",
    "x = '\ud800'",
    "# \x1b[31mred\x1b[0m \x07",
    "x = 'a\u2028b'\u2028",
    "x = 1\xa0+ 1",
    "   \n\t\n",
    "x = 1\ry = 2\r\nz = 3",
    "%%html\n<img src='attachment:lost.png'>",
    "%%markdown\n![a](attachment:lost.png)",
    "from IPython.display import Markdown, display\ndisplay(Markdown('![a](attachment:lost.png)'))",
    "'" + "x" * 20_000 + "'",
    "{{ cell }} {% raise %}",
    "</script><script>top.ran = 1</script>",
]
"""Code cells of which none may end a page, whatever becomes of it when it runs."""


def code_cells():
    """Return cells that hold the odd code, as code, as raw text and as what nobody knows."""
    return [
        {"cell_type": kind, "metadata": {}, "source": source, "outputs": []}
        for kind in ("code", "raw", "odd")
        for source in CODE
    ]


def picture_cell(name):
    """Return a Markdown cell with a text of the table and all attachments."""
    return {
        "cell_type": "markdown",
        "id": "pictured",
        "metadata": {},
        "attachments": json.loads(json.dumps(_ATTACHED)),
        "source": TEXTS[name][0],
    }
