"""What of this machine student code sees: one list, for the sandbox, the refusal and `doctor`."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import autograder
from autograder.errors import IsolationError

ENGINE = Path(autograder.__file__).parent
# What runs in the box, and what probe functions of hidden tests may import; nothing of the judge.
SHOWN_IN_BOX = (
    *("__init__.py", "testing.py", "sandbox/__init__.py", "sandbox/gc_policy.py"),
    *("sandbox/limits.py", "sandbox/memory.py", "sandbox/seeds.py", "sandbox/warming.py"),
    *("sandbox/calls", "sandbox/inside", "sandbox/wire"),
)
# Programs and libraries, and what of the rest they read: fonts, time zones, terminals. Not /usr
# itself: a course may lie in /usr/src, nbgrader's exchange in /usr/local/share.
_SYSTEM = (
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/local/lib"),
    *("/bin", "/sbin", "/lib", "/lib64", "/lib32"),
    *("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/fontconfig", "/etc/fonts"),
    # Debian keeps here what its python3-matplotlib draws with.
    "/usr/share/matplotlib",
    *("/usr/share/zoneinfo", "/usr/share/terminfo", "/usr/share/misc", "/usr/share/file"),
    *("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"),
    # By these the C library learns of large pages; see `environment_in`.
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
)
HIDDEN = ("/usr/lib/debug",)
"""Folders within those shown that nobody needs."""
DATA_IN_BOX = "/course-data"
# A virtual environment may be moved; where it is here could be hidden there, below /tmp say.
ENVIRONMENT_IN_BOX = "/environment"
# What the box has of its own there would lie over what is shown.
_RESERVED = ("/tmp", "/proc", "/dev", "/engine", DATA_IN_BOX, ENVIRONMENT_IN_BOX)
_PLAIN = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


@dataclass(frozen=True)
class Shown:
    """A file or folder of this machine, and where the box shows it."""

    source: Path
    """Its real place: no part of it is a link."""
    target: str


@dataclass(frozen=True)
class Link:
    """A link in the box to what it shows elsewhere."""

    leads_to: str
    target: str


def lies_in(path: Path | str, folder: Path | str) -> bool:
    """Say whether a path is a folder's or below it, by their names; ten times as fast as Path's."""
    return f"{path}/".startswith(f"{folder}/".replace("//", "/"))


@dataclass
class _List:
    """What is shown, each thing once: by its own name or by a link to it."""

    things: list[Shown | Link] = field(default_factory=list)

    def show(self, path: Path, target: str = "") -> None:
        """Show what is there, in its own place or in another, unless it is shown there already."""
        target = target or str(path)
        source = path.resolve()
        if not source.exists() or self._stands(target):
            return
        for one in self.things:
            if isinstance(one, Shown) and lies_in(source, one.source):
                within = source.relative_to(one.source)
                self.things.append(Link(os.path.normpath(f"{one.target}/{within}"), target))
                return
        self.things.append(Shown(source, target))

    def link(self, leads_to: str, target: str) -> None:
        """Make a link, unless something is shown there already."""
        if leads_to != target and not self._stands(target):
            self.things.append(Link(leads_to, target))

    def _stands(self, target: str) -> bool:
        return any(lies_in(target, one.target) for one in self.things)


def shown(data: Path | None) -> list[Shown | Link]:
    """Return all that student code sees of this machine; of the course only its data folder."""
    found = _List()
    for path in _SYSTEM:
        found.show(Path(path))
    before = len(found.things)
    _show_python(found)
    _refuse_reserved(found.things[before:])
    if sys.prefix != sys.base_prefix:
        _show_environment(found)
    found.things += [
        Shown((ENGINE / name).resolve(), f"/engine/autograder/{name}") for name in SHOWN_IN_BOX
    ]
    if data is not None and data.is_dir():
        _refuse_odd_data(data)
        found.things.append(Shown(data.resolve(), DATA_IN_BOX))
    return found.things


def _show_python(found: _List) -> None:
    """Show Python's libraries and its interpreter, not the folder that they were installed in."""
    for base in map(Path, dict.fromkeys((sys.base_prefix, sys.base_exec_prefix))):
        for name in _library_folders():
            found.show(base / name)
        for name in ("zoneinfo", "terminfo"):
            found.show(base / "share" / name)
    own = Path(sys.executable)
    if _is_in_environment(own.resolve()):
        return
    at = _interpreter()
    found.show(at)
    for name in _names():
        beside = Path(sys.base_prefix, "bin", name)
        if beside.exists() and beside.samefile(at):
            found.link(str(at), str(beside))
    if sys.prefix == sys.base_prefix:
        found.link(str(at), str(own))
        for pip in sorted(at.parent.glob("pip*")):
            if pip.is_file():
                found.show(pip)


def _show_environment(found: _List) -> None:
    """Show a virtual environment's packages and its interpreter, in a place of their own."""
    prefix = Path(sys.prefix)
    # Wheels put shared libraries beside the folder of packages; other things are not Python's.
    packages = Path(os.__file__).parent.name
    for folder in _library_folders():
        found.show(prefix / folder / packages, f"{ENVIRONMENT_IN_BOX}/{folder}/{packages}")
        for library in sorted((prefix / folder).glob("*.so*")):
            if library.is_file():
                found.show(library, f"{ENVIRONMENT_IN_BOX}/{folder}/{library.name}")
    found.show(prefix / "pyvenv.cfg", f"{ENVIRONMENT_IN_BOX}/pyvenv.cfg")
    real = Path(sys.executable).resolve()
    if _is_in_environment(real):
        at = f"{ENVIRONMENT_IN_BOX}/bin/{real.name}"
        found.show(real, at)
    else:
        at = str(_interpreter())
    for name in _names():
        found.link(at, f"{ENVIRONMENT_IN_BOX}/bin/{name}")


def _library_folders() -> tuple[str, ...]:
    return tuple(dict.fromkeys(("lib", sys.platlibdir)))


def _names() -> tuple[str, ...]:
    """Return the names an interpreter goes by."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return tuple(dict.fromkeys((Path(sys.executable).name, "python", "python3", version)))


def _is_in_environment(interpreter: Path) -> bool:
    """Say whether it is a virtual environment's own copy of an interpreter."""
    is_copy = interpreter.parent == Path(sys.prefix, "bin").resolve()
    return sys.prefix != sys.base_prefix and is_copy


def _interpreter() -> Path:
    """Return the interpreter's file where Python looks for its libraries beside it.

    The folder that Python names may be a link to another; it must be the same one in the box.
    """
    real = Path(sys.executable).resolve()
    named = Path(sys.base_prefix, "bin", real.name)
    return named if named.exists() and named.samefile(real) else real


def _refuse_reserved(things: list[Shown | Link]) -> None:
    for one in things:
        for folder in _RESERVED:
            if lies_in(one.target, folder):
                raise IsolationError(
                    f"{one.target} belongs to this Python, and the sandbox has a {folder} of its "
                    "own: use a Python that is installed elsewhere"
                )


def _refuse_odd_data(data: Path) -> None:
    """Refuse data that is more of the course, or by which student code could reach this machine.

    Links in it stay links: in the box they lead to what is shown there, or nowhere.
    """
    source, root = data.resolve(), data.parent.resolve()
    if source != root / data.name and lies_in(source, root):
        raise IsolationError(
            f"{data} is a link to {source}, and the sandbox shows the course's data to student "
            "code: put what students need into a folder of its own"
        )
    for path in _walk(source):
        with contextlib.suppress(FileNotFoundError):
            if stat.S_IFMT(path.lstat().st_mode) in _PLAIN:
                continue
            raise IsolationError(
                f"{path} is neither a file nor a folder, and the sandbox shows the course's data "
                "to student code: remove it"
            )


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))
