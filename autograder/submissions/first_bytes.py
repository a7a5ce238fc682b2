"""What a file is that is no notebook: told by its first bytes, in people's words."""

from __future__ import annotations

import base64
import binascii
import json
import re

from autograder.safe_text import for_page

_HEAD_BYTES = 64 * 1024
_HEAD_LETTERS = 4000

_ITSELF = "submit the notebook itself, the .ipynb"
_UNPACK = "unpack it and submit the notebook that is in it"
_SAVE = "open it in Jupyter, save it and submit it again"

_PICTURES = (
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"ftyphe", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftypmsf1", "a HEIC picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (0, b"II*\x00", "a TIFF picture"),
    (0, b"MM\x00*", "a TIFF picture"),
)
_ARCHIVES = (
    (0, b"PK\x05\x06", "an empty zip archive"),
    (0, b"\x1f\x8b", "a gz archive"),
    (0, b"Rar!", "a rar archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"BZh", "a bz2 archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zst archive"),
    (257, b"ustar", "a tar archive"),
)
_DOCUMENTS = (
    (0, b"%PDF", "a PDF"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"\xd0\xcf\x11\xe0", "a document of an old Office program"),
    (0, b"bplist00", "a web archive or another file of Apple's"),
    (0, b"SQLite format 3", "a database"),
    (0, b"\x7fELF", "a program"),
    (0, b"\x00\x05\x16\x07", "what a Mac keeps beside a file"),
    (0, b"L\x00\x00\x00\x01\x14\x02\x00", "a link of Windows to a file"),
    (0, b"[InternetShortcut]", "a link to a web page"),
)
# What an archive's first entries are called where it is an office program's document.
_IN_ZIP = (
    (b"word/", "a Word document"),
    (b"xl/", "an Excel document"),
    (b"ppt/", "a PowerPoint document"),
    (b"[Content_Types].xml", "a document of an Office program"),
    (b"mimetypeapplication/vnd.oasis", "an OpenDocument text"),
    (b"Index/Document.iwa", "a Pages document"),
    (b"mimetypeapplication/epub", "an e-book"),
)
_PAGE = re.compile(
    r"(?:<\?xml[^>]*>\s*(?=<!doctype\s+html|<html))?(?:<!--.*?-->\s*)*"
    r"<(?!svg\b|!doctype\s+(?!html))[a-z!]",
    re.I | re.S,
)
# A page that a browser saved in one file is written as a mail is.
_SAVED_PAGE = re.compile(r"Snapshot-Content-Location:|multipart/related", re.I)
_LOG_IN = re.compile(
    r"type\s*=\s*[\"']?password|<title>[^<]{0,80}(?:log.?in|sign.?in|anmeld)", re.I
)
_XML = re.compile(r"<[?!a-z]", re.I)
_MAIL = re.compile(
    r"(?:From |(?:MIME-Version|Content-(?:Type|Disposition|Transfer-Encoding)|Received"
    r"|Return-Path|Delivered-To|Message-ID|From|Subject): ?)",
    re.I,
)
_LFS = re.compile(r"version https://git-lfs\.github\.com/spec")
_PYTHON = re.compile(
    r"(?:^#!.*python|^# ?%%|^# (?:In ?\[|coding|-\*- coding)|^\s*(?:import \w|from [\w.]+ import\b"
    r"|def \w+\(|class \w+[(:]|@\w))",
    re.M,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]{40,}={0,2}\s*")
_MERGE = re.compile(r"^(?:<{7}|>{7})(?: .*)?\r?$", re.M)
_WORD = re.compile(r"[\w.+-]{0,20}")
_DIFF = re.compile(r"^(?:diff --git |--- \S+.*\n\+\+\+ )", re.M)


def picture_noun(content: bytes) -> str | None:
    """Return which kind of picture some bytes are; None where they are no known one."""
    return _noun(content, _PICTURES)


def _noun(content: bytes, signatures: tuple[tuple[int, bytes, str], ...]) -> str | None:
    for offset, magic, noun in signatures:
        if content.startswith(magic, offset):
            return noun
    return None


def said_of_bytes(content: bytes) -> str | None:
    """Say what a file of no text is and what to do, where its first bytes tell."""
    if content.startswith(b"PK\x03\x04"):
        head = content[:_HEAD_BYTES]
        document = next((noun for mark, noun in _IN_ZIP if mark in head), None)
        return f"is a zip archive: {_UNPACK}" if document is None else f"is {document}: {_ITSELF}"
    if (archive := _noun(content, _ARCHIVES)) is not None:
        return f"is {archive}: {_UNPACK}"
    found = _noun(content, _DOCUMENTS) or picture_noun(content)
    return None if found is None else f"is {found}: {_ITSELF}"


def said_of_text(text: str) -> str:
    """Say what a text is that is no JSON, and what to do."""
    if (marker := _MERGE.search(text)) is not None:
        line = text.count("\n", 0, marker.start()) + 1
        return f"holds git's merge markers in line {line}: mend the conflict and submit it again"
    head = text[:_HEAD_LETTERS].lstrip()
    if _PAGE.match(head) or (_MAIL.match(head) and _SAVED_PAGE.search(head)):
        what = "the web page of a log-in" if _LOG_IN.search(text[:_HEAD_BYTES]) else "a web page"
        return f"is {what}, not the notebook: download the .ipynb itself and submit that"
    if _XML.match(head):
        return f"is XML: {_ITSELF}"
    if _LFS.match(head):
        return f"is git-lfs's pointer to a file: {_ITSELF}"
    if _MAIL.match(head):
        return f"is a mail: {_ITSELF}, that was attached to it"
    if head.startswith("{"):
        return ""
    if _is_wrapped(head):
        return f"is a file in base64, as mail programs wrap what is attached: {_ITSELF}"
    if _DIFF.match(head):
        return f"is a list of changes (a diff): {_ITSELF}"
    if _PYTHON.search(head):
        return f"is a Python script: {_ITSELF}"
    if for_page(head).count("\N{REPLACEMENT CHARACTER}") * 10 > len(head):
        return f"is neither a notebook nor any text: {_ITSELF}"
    return f"is plain text: {_ITSELF}"


def _is_wrapped(head: str) -> bool:
    """Say whether a text is base64 of what begins as JSON does."""
    if _BASE64.match(head) is None:
        return False
    letters = "".join(head.split())[:40]
    try:
        return base64.b64decode(letters).lstrip().startswith((b"{", b"\xef\xbb\xbf{", b"["))
    except (binascii.Error, ValueError):
        return False


# By one of its keys: what writes JSON that is no notebook.
_OTHER_JSON = (
    ("paragraphs", "a Zeppelin notebook"),
    ("code_file", "Kaggle's description of a notebook"),
    ("doc_id", "a link to Google Drive"),
    ("resource_id", "a link to Google Drive"),
    ("encoding", "GitHub's answer about a file"),
    ("payload", "a page of GitHub's"),
    ("content", "Jupyter's answer about a file"),
    ("error", "an error message of a server"),
    ("message", "an error message of a server"),
    ("mime", "a list of files"),
    ("features", "a map"),
)


def said_of_json(keys: object) -> str:
    """Say what JSON is that has no cells, and what to do."""
    if isinstance(keys, dict):
        for key, noun in _OTHER_JSON:
            if key in keys:
                return f"is {noun}, not a Jupyter notebook: {_ITSELF}"
    return "is JSON but not a notebook: it has no cells"


def said_of_damage(text: str, error: json.JSONDecodeError) -> str:
    """Say where JSON is broken: cut off at its end, or damaged before."""
    if error.msg.startswith("Extra data"):
        return f"goes on behind its end in line {error.lineno}: {_SAVE}"
    is_open = error.msg.startswith("Unterminated string")
    if is_open or _WORD.fullmatch(text, error.pos):
        last = text.count("\n") + 1
        return f"is cut off in line {last}, in transfer perhaps: submit it again"
    return f"is damaged in line {error.lineno}: {_SAVE}"
