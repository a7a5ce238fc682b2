"""What a download holds, file by file: stored aside under limits, or refused with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from autograder.errors import AutograderError
from autograder.sandbox.memory import MIB
from autograder.submissions.names import (
    as_notebook,
    holds_notebook,
    is_litter,
    is_notebook,
    may_be_notebook,
)

METADATA = "submission_metadata.yml"
TIMESTAMP = "timestamp.txt"

MAX_ENTRIES = 20_000
MAX_TOTAL_BYTES = 2048 * MIB
_MAX_METADATA_BYTES = 32 * MIB
_MAX_TIMESTAMP_BYTES = 1024
_MAX_ARCHIVE_BYTES = 256 * MIB

# Deflate can reach 1032; notebooks with large white pictures come near 100.
_MAX_RATIO = 250
_RATIO_MATTERS_FROM = MIB


class Refused(Exception):
    """This file is not taken; the message says why, after its name."""


class Full(Exception):
    """All files together have reached the limit."""


@dataclass(frozen=True)
class Entry:
    """A file of a download, with its content stored aside."""

    source: str
    """What was named on the command line."""
    name: str
    """The path in it, with `/`; a file in an inner archive stands below that archive."""
    path: Path
    digest: str

    @property
    def own_name(self) -> str:
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class Refusal:
    """A file, or a whole archive, that was not taken."""

    source: str
    name: str
    reason: str


@dataclass(frozen=True)
class Other:
    """A file that is no notebook and says nothing of one: what a student handed in besides."""

    source: str
    name: str


def is_wanted(name: str) -> bool:
    """Say whether a file is looked at; checkpoints and what systems add are not."""
    own = name.rpartition("/")[2]
    if is_litter(name):
        return False
    return is_archive(own) or is_notebook(own) or may_be_notebook(own) or own == METADATA


def is_archive(own: str) -> bool:
    """Say whether a file's own name is that of an archive that is opened."""
    return own.casefold().endswith(".zip")


def _write(file: BinaryIO, chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        # Ours, and not the archive's fault.
        raise AutograderError(f"{file.name}: {error.strerror}") from None


@dataclass
class Store:
    """A folder for the contents; counts while it writes, since declared sizes may lie."""

    folder: Path
    notebook_mb: int
    max_total: int = MAX_TOTAL_BYTES
    total: int = 0
    files: int = 0
    others: list[Other] = field(default_factory=list)
    """What is neither a notebook nor says anything about one."""

    @property
    def ignored(self) -> int:
        return len(self.others)

    def leave(self, source: str, name: str) -> None:
        """Note a file that is not taken, and nobody need look at, but its student's grader."""
        self.others.append(Other(source, name))

    def as_notebook(self, entry: Entry) -> Entry | None:
        """Return what is a notebook by its name, or by its content under another ending."""
        if not may_be_notebook(entry.own_name) or entry.own_name in (METADATA, TIMESTAMP):
            return entry
        if holds_notebook(entry.path.read_bytes()):
            folder, slash, own = entry.name.rpartition("/")
            return replace(entry, name=f"{folder}{slash}{as_notebook(own)}")
        entry.path.unlink()
        self.leave(entry.source, entry.name)
        return None

    def limit(self, name: str) -> int:
        """Return how large a file of this name may be, in bytes."""
        own = name.rpartition("/")[2]
        if own == METADATA:
            return _MAX_METADATA_BYTES
        if own == TIMESTAMP:
            return _MAX_TIMESTAMP_BYTES
        return _MAX_ARCHIVE_BYTES if is_archive(own) else self.notebook_mb * MIB

    def keep(
        self, source: str, name: str, chunks: Iterable[bytes], compressed: int | None = None
    ) -> Entry:
        """Write a file's content aside; raise Refused or Full as soon as a limit is passed."""
        limit = self.limit(name)
        path = self.folder / f"{self.files}.part"
        self.files += 1
        size = 0
        digest = hashlib.sha256()
        try:
            with path.open("xb") as file:
                for chunk in chunks:
                    size += len(chunk)
                    self.total += len(chunk)
                    self._check(size, limit, compressed)
                    digest.update(chunk)
                    _write(file, chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Entry(source, name, path, digest.hexdigest())

    def _check(self, size: int, limit: int, compressed: int | None) -> None:
        if size > limit:
            allowed = f"{limit // MIB} MiB" if limit >= MIB else f"{limit} bytes"
            raise Refused(f"has more than the {allowed} that are allowed")
        if compressed is not None and size > max(_RATIO_MATTERS_FROM, compressed * _MAX_RATIO):
            raise Refused(f"grows to more than {_MAX_RATIO} times its size: it may be a zip bomb")
        if self.total > self.max_total:
            raise Full
