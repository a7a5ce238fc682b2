"""Read what a path holds, an archive, a folder or a notebook, the same way."""

from __future__ import annotations

import os
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import AutograderError
from autograder.safe_text import for_page
from autograder.sandbox.memory import MIB
from autograder.submissions.intake.archives import check_name, read_archive
from autograder.submissions.intake.entries import (
    MAX_ENTRIES,
    Entry,
    Full,
    Refusal,
    Refused,
    Store,
    is_archive,
    is_wanted,
)
from autograder.submissions.names import is_notebook, may_be_notebook
from autograder.submissions.reading import UnreadableNotebook, read_bytes


def read_path(path: Path, store: Store) -> Iterator[Entry | Refusal]:
    """Yield the files at a path that matter, and each that is refused."""
    source = path.name or str(path)
    if path.is_dir():
        yield from _read_folder(path, source, store)
    elif not path.exists():
        raise AutograderError(f"{path}: no such file or folder")
    elif is_notebook(path.name) or may_be_notebook(path.name):
        yield from _read_file(path, source, path.name, store)
    elif is_archive(path.name) or (path.is_file() and zipfile.is_zipfile(path)):
        yield from read_archive(path, source, store)
    else:
        raise AutograderError(f"{path} is neither a zip archive, a folder nor a notebook")


def _read_folder(folder: Path, source: str, store: Store) -> Iterator[Entry | Refusal]:
    count = 0
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for own_name in sorted(files):
            path = Path(here, own_name)
            raw = path.relative_to(folder).as_posix()
            count += 1
            if count > MAX_ENTRIES:
                raise AutograderError(f"{folder} holds more than {MAX_ENTRIES} files")
            if not is_wanted(raw):
                store.leave(source, for_page(unicodedata.normalize("NFC", raw)))
            elif is_archive(own_name) and not path.is_symlink():
                yield from read_archive(path, source, store, f"{raw}/", inner=True)
            else:
                yield from _read_file(path, source, unicodedata.normalize("NFC", raw), store)


def _read_file(path: Path, source: str, name: str, store: Store) -> Iterator[Entry | Refusal]:
    try:
        check_name(name)
        content = read_bytes(path, max(1, store.limit(name) // MIB))
        if (entry := store.as_notebook(store.keep(source, name, [content]))) is not None:
            yield entry
    except Full:
        yield Refusal(source, name, "was not read: the files are too large together")
    except (Refused, UnreadableNotebook) as error:
        if may_be_notebook(name):
            store.leave(source, for_page(name))
        else:
            yield Refusal(source, for_page(name), str(error))
