"""What files' names say: which may be a notebook, which are litter, and of what they are copies."""

from __future__ import annotations

import re

from autograder.submissions.decoding import NoNotebook, read_document

_ENDING = ".ipynb"
# Browsers and mail programs add such an ending to what they take for a text, or put it in place.
_ADDED = (".txt", ".json", ".download")
# Platforms and browsers number what is handed in or saved again: `a01_pca-1.ipynb`, ` (2)`.
_NUMBERED = re.compile(r"[-_ ]?(?:\(\d{1,3}\)|-\d{1,3})$")
# People's copies: Jupyter's `-Copy1`, Windows' ` - Copy`, the Mac's ` copy 2`, Drive's `Copy of `.
_COPY_OF = re.compile(r"(?:copy of|kopie von|copie de|copia de|copia di)\s+", re.I)
_COPIED = re.compile(
    r"(?:[-_ ]+(?:checkpoint|(?:copy|kopie|copie|copia|final|solved|solution)[-_ ]?\d{0,3}))$", re.I
)


def is_litter(path: str) -> bool:
    """Say whether a system or Jupyter left this file, with `/` between its folders."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def is_notebook(own: str) -> bool:
    """Say whether a file's own name ends as a notebook's does, in capitals or not."""
    return own.casefold().endswith(_ENDING)


def may_be_notebook(own: str) -> bool:
    """Say whether it may be a notebook under another ending: its content tells."""
    return own.casefold().endswith(_ADDED)


def holds_notebook(content: bytes) -> bool:
    """Say whether a file's content is a notebook's."""
    try:
        read_document(content)
    except NoNotebook:
        return False
    return True


def as_notebook(own: str) -> str:
    """Return the name that a notebook under another ending should have.

    >>> as_notebook("a01_pca.ipynb.txt"), as_notebook("a01_pca.json"), as_notebook("A.IPYNB")
    ('a01_pca.ipynb', 'a01_pca.ipynb', 'A.ipynb')
    """
    stem = own
    for ending in _ADDED:
        if stem.casefold().endswith(ending):
            stem = stem[: -len(ending)]
            break
    return f"{stem_of(stem)}{_ENDING}"


def stem_of(own: str) -> str:
    """Return a notebook's own name without its ending."""
    return own[: -len(_ENDING)] if is_notebook(own) else own


def without_number(own: str) -> str:
    """Return a notebook's stem without the number that a platform or browser has added."""
    return _NUMBERED.sub("", stem_of(own).strip()).casefold()


def is_named(own: str, assignment: str) -> bool:
    """Say whether a notebook has the assignment's name, or one of a copy of it.

    >>> is_named("Copy of a01_pca.ipynb", "a01_pca"), is_named("a01_pca-Copy1.ipynb", "a01_pca")
    (True, True)
    """
    stem = _COPY_OF.sub("", without_number(own))
    for _ in range(2):
        stem = _NUMBERED.sub("", _COPIED.sub("", stem))
    return stem == assignment.casefold()
