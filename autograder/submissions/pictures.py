"""The pictures in a student's Markdown: each becomes an attachment of its cell, or words.

Students paste photos of derivations, and each program keeps them in its own way: as attachments, as
addresses that hold the picture, in Markdown's forms or HTML's. A page shows one form alone, and
must find what it names; nbconvert ends where an attachment is missing.
"""

from __future__ import annotations

import base64
import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from autograder.submissions.markdown import code_spans
from autograder.submissions.picture_bytes import KINDS, NoPicture, base64_of, picture_of

MAX_PICTURES = 20
"""So many pictures of a cell are kept."""
_MAX_ATTACHMENTS = 1000
_MAX_NAME = 1000
_REPEATED_LETTERS = 16 * 2**10
_MANY = 4000
"""A cell with more brackets, tags or backticks than this is shown as plain text."""
# All repeat possessively and know one level of brackets: none looks at a letter more than twice.
_ALT = r"(?P<alt>[^\[\]]*+(?:\[[^\[\]]*+\][^\[\]]*+)*+)"
_INSIDE = r"\((?P<inside>[^()\n]*+(?:\([^()\n]*+\)[^()\n]*+)*+)\)"
_PICTURE = re.compile(
    rf"(?<!\\)!\[{_ALT}\](?:{_INSIDE}|\[(?P<label>[^\[\]\n]{{0,300}}+)\])?"
    r"|(?P<tag><img\b[^<>]*+>)",
    re.I,
)
_DEFINITION = re.compile(
    r"^ {0,3}\[(?P<label>[^\[\]\n]{1,300}+)\]:[ \t]*+\n?+[ \t]*+"
    r"(?:<(?P<within>[^<>\n]*+)>|(?P<bare>[^\s<]\S*+))[^\n]*+\n?",
    re.M,
)
_SRC, _ALT_TEXT = (
    re.compile(rf"(?i)[\s\"'/]{name}\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))")
    for name in ("src", "alt")
)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_OWN_NAME = re.compile(r"[A-Za-z0-9_.-]{1,200}")
_NOT_IN_ALT = re.compile(r"[\[\]()\n<>&`$\\*_~|!#\"]")
_NOT_IN_WORDS = re.compile(r"[^\w .,()+-]")


@dataclass(frozen=True)
class Pictured:
    """A Markdown text whose pictures are attachments of its cell; others are words in it."""

    text: str
    attachments: dict[str, dict[str, str]]
    """By name, the picture's kind and its base64."""
    lost: tuple[str, ...]
    """Why pictures were not kept, each once."""


def with_pictures(source: str, attachments: Any) -> Pictured:
    """Return a text with its pictures as attachments; `attachments` is as it was sent."""
    if "![" not in source and "<" not in source:
        return Pictured(source, {}, ())
    if any(source.count(sign) > _MANY for sign in "[<`"):
        return Pictured(source, {}, ("its cell holds more than a page can show",))
    keeper = _Keeper(attachments if isinstance(attachments, dict) else {})
    return Pictured(_replaced(source, keeper), keeper.kept, tuple(dict.fromkeys(keeper.lost)))


def _replaced(source: str, keeper: _Keeper) -> str:
    definitions = {
        _label(found["label"]): found["within"] or found["bare"] or ""
        for found in _DEFINITION.finditer(source)
    }
    in_code = _finder(code_spans(source))

    def replace(found: re.Match[str]) -> str:
        address = _address(found, definitions)
        if not address:
            return found[0]
        alt = _attribute(found["tag"], _ALT_TEXT) if found["tag"] else found["alt"]
        # A wrong guess about code changes how it looks, and nothing else.
        shown = keeper.shown(alt, address, may_lose=not in_code(found.start()))
        return found[0] if shown is None else shown

    text = _PICTURE.sub(replace, source)
    if not definitions:
        return text
    return _DEFINITION.sub(
        lambda one: "" if _is_ours(one["within"] or one["bare"]) else one[0], text
    )


def _address(found: re.Match[str], definitions: dict[str, str]) -> str:
    """Return where a picture is said to be; nothing where this is no picture."""
    if found["tag"]:
        return html.unescape(_attribute(found["tag"], _SRC))
    if found["inside"] is not None:
        return _without_title(found["inside"].strip())
    return definitions.get(_label(found["label"] or found["alt"]), "")


def _attribute(tag: str, pattern: re.Pattern[str]) -> str:
    found = pattern.search(tag)
    return "" if found is None else next((one for one in found.groups() if one is not None), "")


def _without_title(inside: str) -> str:
    if inside.startswith("<"):
        return inside[1:].partition(">")[0]
    if inside.endswith(('"', "'")):
        before = re.split(rf"\s{inside[-1]}", inside, maxsplit=1)[0]
        inside = before.rstrip()
    return _ESCAPED.sub(r"\1", inside) if "\\" in inside else inside


def _label(text: str) -> str:
    return " ".join(text.split()).casefold()


def _is_ours(address: str) -> bool:
    return address.casefold().startswith(("data:", "attachment:"))


def _finder(spans: list[tuple[int, int]]) -> Callable[[int], bool]:
    """Return what says whether a place lies in one of some spans in order."""
    starts = [begin for begin, _ in spans]

    def is_within(place: int) -> bool:
        number = bisect_right(starts, place) - 1
        return number >= 0 and place < spans[number][1]

    return is_within


@dataclass
class _Keeper:
    """Keeps the pictures of one cell; looks at each once, however often it is named."""

    attached: dict[Any, Any]
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    _found: dict[str, str | NoPicture] = field(default_factory=dict)
    """By what identifies a picture, its name among those kept, or why it is not."""
    _repeated: int = 0
    """How many letters of base64 are shown once more."""

    def __post_init__(self) -> None:
        listed = list(self.attached.items())[:_MAX_ATTACHMENTS]
        self._by_name = {_plain(str(name)): kinds for name, kinds in listed}

    def shown(self, alt: str, address: str, *, may_lose: bool) -> str | None:
        """Return Markdown that shows a picture, or says why not; None where it stays as it is."""
        identity = self._identity(address)
        if identity in self._found:
            name = self._again(self._found[identity])
        else:
            name = self._found[identity] = self._kept_or_lost(address, identity)
        if isinstance(name, str):
            return f"![{_NOT_IN_ALT.sub(' ', html.unescape(alt))[:200]}](attachment:{name})"
        if not may_lose:
            return None
        self.lost.append(str(name))
        return f"[picture not kept: {name}]"

    def _kept_or_lost(self, address: str, identity: str) -> str | NoPicture:
        try:
            return self._keep(address, identity)
        except NoPicture as why:
            return why

    def _again(self, name: str | NoPicture) -> str | NoPicture:
        """Return what is shown once more; a page holds a picture as often as it shows it."""
        if not isinstance(name, str):
            return name
        sizes = {one: sum(map(len, kinds.values())) for one, kinds in self.kept.items()}
        self._repeated += sizes[name]
        if self._repeated > 2 * sum(sizes.values()) + _REPEATED_LETTERS:
            return NoPicture("it is shown too often")
        return name

    def _identity(self, address: str) -> str:
        """Return the name of an attachment as it is looked for; of all else, the address."""
        scheme, _, name = address.partition(":")
        if scheme.strip().casefold() != "attachment":
            return address
        whole = _plain(name)
        return whole if whole in self._by_name else _plain(name.split(" ")[0])

    def _keep(self, address: str, identity: str) -> str:
        """Keep a picture; return its name among those of the cell."""
        scheme, _, rest = address.partition(":")
        scheme = scheme.strip().casefold()
        wanted = rest if scheme == "attachment" else ""
        if len(self.kept) >= MAX_PICTURES:
            raise NoPicture(f"a cell shows {MAX_PICTURES} at most")
        if scheme == "data":
            candidates = [base64_of(address)]
        elif scheme == "attachment":
            candidates = self._attached_as(identity, wanted)
        elif scheme in ("http", "https") or address.startswith("//"):
            raise NoPicture("it lies on the net, and not in the notebook")
        else:
            raise NoPicture(f"{_words(address)} is a file beside the notebook, and not in it")
        kind, content = picture_of(candidates, _words(wanted) or "it")
        name = self._name(wanted, KINDS[kind][1])
        self.kept[name] = {kind: base64.b64encode(content).decode()}
        return name

    def _attached_as(self, identity: str, name: str) -> list[Any]:
        kinds = self._by_name.get(identity)
        if not isinstance(kinds, dict) or not kinds:
            raise NoPicture(f"{_words(name)} is not in the notebook")
        return list(kinds.values())[:5]

    def _name(self, wanted: str, ending: str) -> str:
        if _OWN_NAME.fullmatch(wanted) and wanted not in self.kept:
            return wanted
        number = len(self.kept) + 1
        while f"picture-{number}.{ending}" in self.kept:
            number += 1
        return f"picture-{number}.{ending}"


def _plain(name: str) -> str:
    """Return a picture's name as it is looked for: programs write one name in several ways."""
    name = unquote(html.unescape(_ESCAPED.sub(r"\1", name[:_MAX_NAME])))
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def _words(name: str) -> str:
    """Return a file's name as words that Markdown has no use for."""
    own = unquote(name[-_MAX_NAME:]).replace("\\", "/").rpartition("/")[2]
    return _NOT_IN_WORDS.sub("_", own)[:60].strip()
