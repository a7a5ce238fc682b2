"""Write files that a reader finds whole: as they were, or as they are to be; never a part."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.errors import AutograderError

# What a process that was killed may leave behind; nothing else is named so.
UNFINISHED = ".unfinished-"


@contextmanager
def written_whole(path: Path, *, synced: bool = True, private: bool = True) -> Iterator[Path]:
    """Give a new file's path to write to, and put the file in its place when that is done.

    `synced`, it is whole even if the machine stops at once; `private`, it is for its owner alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.parent / f"{UNFINISHED}{secrets.token_hex(8)}"
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
        yield new
        if synced:
            with new.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes, *, synced: bool = True, private: bool = True) -> None:
    """Write a file; `private`, for its owner alone."""
    with written_whole(path, synced=synced, private=private) as new:
        new.write_bytes(content)


@contextmanager
def folder_written_whole(folder: Path) -> Iterator[Path]:
    """Give a new folder to fill, private to this user; put it in its place when that is done."""
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=UNFINISHED))
    try:
        yield new
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def remove_unfinished(folder: Path, *, older_than_s: float = 0.0) -> None:
    """Remove what a run that was killed in the middle of writing left behind."""
    for path in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.lstat().st_mtime >= older_than_s:
                path.unlink()


def check_writable(path: Path, suffix: str, sources: tuple[Path, ...] = ()) -> None:
    """Refuse a target that is a folder, a file of another kind, or what it is made from.

    An earlier file of the kind may be replaced; a gradebook or a notebook is never one.
    """
    if path.is_dir():
        raise AutograderError(f"{path} is a folder: name a file")
    if path.exists() and path.suffix.casefold() != f".{suffix}":
        raise AutograderError(
            f"{path} is there and is no .{suffix}: name another file, or remove it first"
        )
    for source in sources:
        if path.exists() and source.exists() and path.samefile(source):
            raise AutograderError(f"{path} is what this export is made from: name another file")


def write_or_say_why(path: Path, content: bytes, *, private: bool = True) -> None:
    """Write a file that a person asked for; `private`, for its owner alone; or say why not."""
    try:
        write_whole(path, content, private=private)
    except OSError as error:
        raise AutograderError(f"cannot write {path}: {error.strerror}") from None
