r"""Make a student's Markdown harmless in an instructor's page; it still looks as it was written.

What a page could obey is taken apart by a space that nobody sees (`UNSEEN`), by rules that know no
context: there is no picture without `![`, no link without `](`, no definition without `]:`, and
whatever stands after the `#` of a heading is part of its id. So nothing depends on how a renderer
reads the rest. Code is spared where a renderer, asked, says that code alone differs (`rendered`).
What is too much for a page, in size or in what a renderer is slow at, is shown as plain text.
"""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import pairwise

from autograder.safe_text import for_page
from autograder.submissions.formulas import UNSEEN, keep_harmless_macros

MAX_CELL_LETTERS = 100_000
"""So much of a cell's Markdown is shown."""
_MOST_OF = {
    re.compile(r"\\begin"): 200,
    re.compile(r"\\\\[\[(]"): 200,
    re.compile(r"^(?:[^\w\n#]|\d)*#|^[ \t>]*[-=]+[ \t]*$", re.MULTILINE): 300,
    re.compile(r"\]\("): 500,
    re.compile(r"^[ \t>]*(?:\|[ \t:-]*-|:?-+:?[ \t]*\|)", re.MULTILINE): 100,
    re.compile(r"^[ \t>*+\-\d.)]*>", re.MULTILINE): 150,
    re.compile(r"[\[`]"): 4000,
    re.compile(r"\n"): 4000,
    re.compile(r"[*_~|$!()\]>\\&]"): 12_000,
}
"""How many of these a cell may have: what a renderer is slow at, far beyond what people write."""

# No text has these: they are no letters, and whatever bears them is ours.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"

_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
# `&colon;` or `&Tab;` would make an active link behind the next pattern's back; these cannot.
_ENTITY_START = re.compile(r"&(?=#|(?!(?:lt|gt|amp|quot|nbsp);)[A-Za-z][A-Za-z0-9]+;)")
# Browsers overlook white space within a scheme, and Markdown a backslash before its colon.
_IGNORED = r"[\s\\]*"
_ACTIVE_SCHEME = re.compile(
    "(?i)({}){}:".format(
        "|".join(_IGNORED.join(scheme) for scheme in ("javascript", "vbscript")), _IGNORED
    )
)

# A name of the net's, never a number, this machine or a port: no page of ours is there.
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
_PATH = r"(?:[/?#](?:[^\s()<>\[\]\\\"`$|{}^!]|\([\w,.%-]*\))*)?"
_ADDRESS = rf"(?:https?://(?P<host>{_HOST}){_PATH}|mailto:(?P<mail>[\w.+-]+@{_HOST}))"
_EXTERNAL = "\N{NORTH EAST ARROW}"
_LINK = re.compile(rf"\]\((?P<address>{_ADDRESS})(?:[ \t]+\"[^\"\n]*\")?\)")
_LINK_START = re.compile(r"\](?=\()")
_IN_BRACKETS = re.compile(rf"<({_ADDRESS})>")
# Nothing but a path may follow the name: `https://ours.org@theirs.org` leads to theirs.
_BARE = re.compile(rf"https?(?=://)(?!://{_HOST}(?:[/?#]|[).,;:!'\"*_~|\]>]*(?:\s|$)))")
_PICTURE_START = re.compile(r"!(?=\[)")
_DEFINITION = re.compile(r"\](?=:)")
_ATTACHED = re.compile(
    r"!\[([^\[\]()\n<>&`$\\*_~|!#\"]{0,200})\]\(attachment:([A-Za-z0-9_.-]{1,200})\)"
)

_HEADING = re.compile(r"(?m)^(?:[^\S\n]|[>*+\-\d.):|~\[\]xX])*#+[^\S\n]*")
_UNDERLINE = re.compile(r"[^\S\n>]*(?:>[^\S\n]*)*(?:=+|-+)\s*")
_FENCE_ALONE = re.compile(r"[\s>`~]*")
_LANGUAGES = (
    "bash|c|console|cpp|css|diff|html|ini|ipython|ipython3|java|javascript|js|json|julia|latex|"
    "markdown|md|none|numpy|pycon|py|python|python3|pytb|r|R|rust|sh|shell|sql|tex|text|toml|txt|"
    "xml|yaml|yml"
)
_OTHER_LANGUAGE = re.compile(
    rf"(?m)(?<![`~])(`{{3,}}+|~{{3,}}+)(?=[^\S\n]*[^\s`~{UNSEEN}{_OPEN}])"
    rf"(?![^\S\n]*(?:{_LANGUAGES})\s*$)"
)
_MASKED = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


def clean_markdown(source: str, pictures: Set[str] = frozenset()) -> str:
    """Return Markdown that loads, sends, opens and takes nothing; formulas and code stay whole.

    Of pictures, the cell's own attachments named in `pictures` are kept; others are shown as text.
    """
    text = for_page(source).replace(_OPEN, "").replace(_CLOSE, "")
    if is_too_much(text):
        return plain_text(text)
    masks: list[str] = []
    text = _mask_pictures(text, pictures, masks)
    strict = _taken_apart(text)
    with_code = _taken_apart(_mask_code(text, masks))
    strict, with_code = _unmasked(strict, masks), _unmasked(with_code, masks)
    if strict == with_code:
        return strict
    # Asked seldom: only where code holds what would otherwise be taken apart.
    from autograder.submissions.rendered import differ_in_code_alone

    return with_code if differ_in_code_alone(with_code, strict) else strict


def is_too_much(text: str) -> bool:
    """Say whether a page's renderer would need too long for a text."""
    if len(text) > MAX_CELL_LETTERS:
        return True
    return any(len(what.findall(text)) > most for what, most in _MOST_OF.items())


def plain_text(source: str) -> str:
    """Return a text as a block of code, in which a renderer looks for nothing; its end is cut."""
    shown = for_page(source)[:MAX_CELL_LETTERS].replace("```", f"``{UNSEEN}`")
    shown = shown.replace("```", f"``{UNSEEN}`")
    left = len(source) - MAX_CELL_LETTERS
    said = f"\n\nThe rest of this cell, {left} letters, is not shown." if left > 0 else ""
    return f"```text\n{shown}\n```{said}"


def _mask_pictures(text: str, pictures: Set[str], masks: list[str]) -> str:
    def mask(found: re.Match[str]) -> str:
        return _mask(found[0], masks) if found[2] in pictures else found[0]

    return _ATTACHED.sub(mask, text) if pictures else text


def code_spans(text: str) -> list[tuple[int, int]]:
    """Return where there may be code: whatever stands between two equal runs of backticks."""
    runs = [found.span() for found in re.finditer("`+", text)]
    following: dict[int, int] = {}
    closing = [0] * len(runs)
    for number in reversed(range(len(runs))):
        length = runs[number][1] - runs[number][0]
        closing[number] = following.get(length, 0)
        following[length] = number
    spans: list[tuple[int, int]] = []
    number = 0
    while number < len(runs):
        if closing[number]:
            begin, end = runs[number][1], runs[closing[number]][0]
            line_end = text.find("\n", begin, end)
            if begin - runs[number][0] >= 3 and line_end >= 0:
                # The language stays outside.
                begin, end = line_end + 1, max(text.rfind("\n", begin, end), line_end + 1)
            if begin < end:
                spans.append((begin, end))
            number = closing[number]
        number += 1
    return spans


def _mask_code(text: str, masks: list[str]) -> str:
    """Put aside what may be code."""
    parts: list[str] = []
    done = 0
    for begin, end in code_spans(text):
        parts += [text[done:begin], _mask(text[begin:end], masks)]
        done = end
    return "".join(parts) + text[done:]


def _mask(text: str, masks: list[str]) -> str:
    masks.append(text)
    return f"{_OPEN}{len(masks) - 1}{_CLOSE}"


def _unmasked(text: str, masks: list[str]) -> str:
    """Return a text with what was put aside in its place; code may hold a picture that was."""
    for _ in range(2):
        text = _MASKED.sub(lambda found: masks[int(found[1])], text)
    return text


def _taken_apart(text: str) -> str:
    text = _TAG_START.sub("< ", _IN_BRACKETS.sub(r"\1", text))
    text = _ENTITY_START.sub("& ", text)
    text = _ACTIVE_SCHEME.sub(r"\1 :", text)
    text = _PICTURE_START.sub(f"!{UNSEEN}", text)
    text = _DEFINITION.sub(f"]{UNSEEN}", text)
    text = _with_marked_links(text)
    text = _BARE.sub(lambda found: found[0] + UNSEEN, text)
    text = _OTHER_LANGUAGE.sub(rf"\1{UNSEEN}", text)
    text = _HEADING.sub(_with_unseen, text)
    return keep_harmless_macros(_with_own_titles(text))


def _with_unseen(found: re.Match[str]) -> str:
    return found[0] if found.string.startswith(UNSEEN, found.end()) else found[0] + UNSEEN


def _with_marked_links(text: str) -> str:
    """Return a text whose links lead elsewhere, and say where; others are text."""
    parts: list[str] = []
    done = 0
    for start in _LINK_START.finditer(text):
        link = _LINK.match(text, start.start())
        parts.append(text[done : start.start()])
        if link is None:
            parts.append(f"]{UNSEEN}")
            done = start.end()
        else:
            mark = f" {_EXTERNAL} {link['host'] or link['mail']}"
            done = link.end()
            is_marked = text.startswith(mark, done)
            parts.append(f"]({link['address']})" + ("" if is_marked else mark))
    return "".join(parts) + text[done:]


def _with_own_titles(text: str) -> str:
    """Return a text whose underlined headings have ids that no element of a page has."""
    lines = text.split("\n")
    made = lines[:1]
    for before, line in pairwise(lines):
        if _UNDERLINE.fullmatch(line) and before.strip(" \t>"):
            if _FENCE_ALONE.fullmatch(before):
                made.append("")
            elif not before.rstrip().endswith(UNSEEN):
                made[-1] = before.rstrip() + UNSEEN
        made.append(line)
    return "\n".join(made)
