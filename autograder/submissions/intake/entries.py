"""What a download holds, file by file: stored aside under limits, or refused with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from autograder.errors import AutograderError
from autograder.sandbox.memory import MIB

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


def is_wanted(name: str) -> bool:
    """Say whether a file matters here; checkpoints and what systems add do not."""
    parts = name.split("/")
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return False
    own = parts[-1].casefold()
    return own.endswith((".ipynb", ".zip")) or parts[-1] in (METADATA, TIMESTAMP)


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
    ignored: int = field(default=0)
    """Files that are neither notebooks nor say anything about them."""

    def limit(self, name: str) -> int:
        """Return how large a file of this name may be, in bytes."""
        own = name.rpartition("/")[2]
        if own == METADATA:
            return _MAX_METADATA_BYTES
        if own == TIMESTAMP:
            return _MAX_TIMESTAMP_BYTES
        return _MAX_ARCHIVE_BYTES if own.casefold().endswith(".zip") else self.notebook_mb * MIB

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
