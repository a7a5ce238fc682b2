"""Reduce an answer to what rewriting does not change: no comments, layout, own names, given code.

Never runs, imports or parses an answer: broken and hostile text has tokens, too.
"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass, field

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Name, Number, String, Text, Whitespace

_MAX_CHARACTERS = 50_000
_MAX_TOKENS = 5_000
_SKIPPED = (Comment, Text, Whitespace, String.Doc)
_BUILTINS = frozenset(dir(builtins))
_WORD = re.compile(r"\\?\w+|[^\w\s]")

Line = tuple[str, ...]


@dataclass(frozen=True)
class TokenLine:
    """One line of an answer: its number, its text, and its tokens; never without tokens."""

    number: int
    text: str
    tokens: Line


@dataclass
class Vocabulary:
    """What the release gave for one exercise: names that mean the same to all, and lines."""

    names: frozenset[str] = _BUILTINS
    lines: frozenset[Line] = field(default_factory=frozenset)


def names_in(source: str) -> frozenset[str]:
    """Return every name in some code: modules, functions, parameters."""
    return frozenset(value for kind, value in PythonLexer().get_tokens(source) if kind in Name)


def code_lines(source: str, vocabulary: Vocabulary) -> list[TokenLine]:
    """Return the lines of some code that the release did not give.

    A name that is neither given, nor a builtin, nor an attribute is the student's own: all of
    these are the same token, so that renaming variables changes nothing.
    """
    numbered = _written_lines(source)
    tokens: dict[int, list[str]] = {}
    line, previous = 0, ""
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    for kind, value in lexer.get_tokens("\n".join(text for _, text in numbered)):
        text = value.strip()
        if text and not any(kind in skipped for skipped in _SKIPPED):
            tokens.setdefault(line, []).append(_token(kind, text, previous, vocabulary))
            previous = text
        line += value.count("\n")
    return _own([TokenLine(*numbered[at], tuple(own)) for at, own in tokens.items()], vocabulary)


def _written_lines(source: str) -> list[tuple[int, str]]:
    """Return the lines that are not blank, and their numbers.

    A lexer's patterns go over a run of blank lines once for each of them.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")[:_MAX_CHARACTERS]
    lines = enumerate(source.removeprefix("\ufeff").split("\n"), 1)
    return [(number, text.rstrip()) for number, text in lines if text.strip()]


def _token(kind: object, text: str, previous: str, vocabulary: Vocabulary) -> str:
    if kind in String:
        return "''"
    if kind in Name and previous != "." and text not in vocabulary.names:
        return "name"
    if kind in Number:
        return text.lower().rstrip(".")
    return text


def prose_lines(source: str, vocabulary: Vocabulary) -> list[TokenLine]:
    """Return the lines of a derivation in words and formulas that the release did not give."""
    made = [
        TokenLine(number, text, tuple(_WORD.findall(text.casefold())))
        for number, text in _written_lines(source)
    ]
    return _own([line for line in made if line.tokens], vocabulary)


def _own(lines: list[TokenLine], vocabulary: Vocabulary) -> list[TokenLine]:
    own: list[TokenLine] = []
    count = 0
    for line in lines:
        count += len(line.tokens)
        if count > _MAX_TOKENS:
            break
        if line.tokens not in vocabulary.lines:
            own.append(line)
    return own
