"""Read a zip archive that may be hostile, entry by entry; never unpack it to names of its own."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from autograder.sandbox.memory import MIB
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
from autograder.submissions.names import may_be_notebook

_CHUNK = 64 * 1024
_MAX_DIRECTORY_BYTES = 16 * MIB
_MAX_NAME = 1000
_MAX_PART_BYTES = 255
_UTF8_FLAG, _ENCRYPTED_FLAG = 0x800, 0x1
_LOCAL_HEADER_BYTES = 30
_DRIVE = re.compile(r"[A-Za-z]:")

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


class _BoundedReads(io.FileIO):
    """A file that never gives much at once: a directory of 10 million names is not read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > _MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its directory is too large")
        return super().read(size) or b""


def read_archive(
    path: Path, source: str, store: Store, prefix: str = "", *, inner: bool = False
) -> Iterator[Entry | Refusal]:
    """Yield the files of an archive that matter, and each entry that is refused.

    An archive within it, which is how some students hand in, is read too; one within that is not.
    """
    try:
        file = _BoundedReads(path)
    except OSError as error:
        yield Refusal(source, prefix.rstrip("/"), f"cannot be read: {error.strerror}")
        return
    with file:
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN as error:
            reason = f"is not a whole zip archive ({_short(error)}): download it again"
            yield Refusal(source, prefix.rstrip("/"), reason)
            return
        with archive:
            yield from _read_entries(archive, source, store, prefix, inner)


def _read_entries(
    archive: zipfile.ZipFile, source: str, store: Store, prefix: str, inner: bool
) -> Iterator[Entry | Refusal]:
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        reason = f"holds {len(infos)} files; {MAX_ENTRIES} are allowed"
        yield Refusal(source, prefix.rstrip("/"), reason)
        return
    if not infos:
        store.leave(source, prefix.rstrip("/"))
    overlapping = _overlapping(infos, archive.start_dir)
    seen: set[str] = set()
    for info in infos:
        name = _name(info)
        try:
            check_name(name)
            _check_entry(info, name, seen, overlapping)
            if info.is_dir():
                continue
            if not is_wanted(name):
                store.leave(source, prefix + name)
                continue
            yield from _read_entry(archive, info, source, prefix + name, store, inner)
        except Full:
            yield Refusal(source, prefix + name, "and all after it: the files are too large")
            return
        except Refused as error:
            yield Refusal(source, prefix + name, str(error))


def _read_entry(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    source: str,
    name: str,
    store: Store,
    inner: bool,
) -> Iterator[Entry | Refusal]:
    is_inner = is_archive(name)
    if is_inner and inner:
        raise Refused("is an archive in an archive in an archive: it is not opened")
    try:
        with archive.open(info) as file:
            chunks = iter(lambda: file.read(_CHUNK), b"")
            entry = store.keep(source, name, chunks, info.compress_size)
    except Full:
        raise
    except Refused:
        if may_be_notebook(name):
            store.leave(source, name)
            return
        raise
    except _BROKEN as error:
        raise Refused(f"is damaged ({_short(error)})") from None
    if is_inner:
        yield from read_archive(entry.path, source, store, f"{name}/", inner=True)
        entry.path.unlink()
    elif (notebook := store.as_notebook(entry)) is not None:
        yield notebook


def _name(info: zipfile.ZipInfo) -> str:
    # `filename` ends at a NUL; this is what the archive says.
    name = info.orig_filename
    if not info.flag_bits & _UTF8_FLAG:
        # Some systems write UTF-8 and do not say so.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name)


def check_name(name: str) -> None:
    """Raise Refused where a path could lead elsewhere or could not be shown."""
    if len(name) > _MAX_NAME:
        raise Refused(f"has a name of {len(name)} characters")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        raise Refused("has a name with control characters, or that is not UTF-8")
    if name.startswith("/") or _DRIVE.match(name):
        raise Refused("has an absolute path")
    if "\\" in name:
        raise Refused("has a backslash in its name")
    parts = name.rstrip("/").split("/")
    if ".." in parts or "." in parts or "" in parts:
        raise Refused("has a path that leads elsewhere")
    if any(len(part.encode()) > _MAX_PART_BYTES for part in parts):
        raise Refused(f"has a name of more than {_MAX_PART_BYTES} bytes")


def _check_entry(info: zipfile.ZipInfo, name: str, seen: set[str], overlapping: set[int]) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise Refused("is a link")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refused("is a device, not a file")
    if info.flag_bits & _ENCRYPTED_FLAG:
        raise Refused("is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused(f"is compressed with a method that is not read (number {info.compress_type})")
    if id(info) in overlapping:
        raise Refused("shares its bytes with another entry: the archive was made to deceive")
    if name in seen:
        raise Refused("stands twice in the archive: the first is used")
    seen.add(name)


def _overlapping(infos: list[zipfile.ZipInfo], directory: int) -> set[int]:
    """Return the ids of entries whose bytes belong to another entry or to the directory too."""
    found: set[int] = set()
    last: zipfile.ZipInfo | None = None
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if last is not None and info.header_offset < end:
            found |= {id(info), id(last)}
        name = len(info.orig_filename.encode("utf-8", "surrogateescape"))
        if not info.flag_bits & _UTF8_FLAG:
            name = len(info.orig_filename)
        info_end = info.header_offset + _LOCAL_HEADER_BYTES + name + info.compress_size
        if info_end > directory or info.header_offset < 0:
            found.add(id(info))
        if last is None or info_end >= end:
            last, end = info, info_end
    return found


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())[:100]
    return text or type(error).__name__
