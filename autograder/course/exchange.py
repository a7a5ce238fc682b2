"""Where nbgrader's exchange is, and whether instructors and students can meet there."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from dateutil.tz import gettz
from jupyter_core.paths import jupyter_config_path
from traitlets.config import Config
from traitlets.config.loader import (
    ConfigFileNotFound,
    FileConfigLoader,
    JSONFileConfigLoader,
    PyFileConfigLoader,
)

from autograder.course.configuration import course_config
from autograder.course.files import CONFIG_NAME, Course
from autograder.errors import CourseError
from autograder.findings import Finding

# nbgrader's own default, which takes two seconds to ask nbgrader for.
_DEFAULT_ROOT = "/usr/local/share/nbgrader/exchange"
_EVERYBODY = 0o777
# What `nbgrader release_assignment` and `release_feedback` make, and what is wrong with another
# mode: who is not the owner must be able to do the first, and must not be able to do the second.
_FOLDERS = {
    "outbound": (0o755, 0o005, 0o002, "students fetch from it"),
    "inbound": (0o2733, 0o003, 0o004, "students submit to it, and must not list it"),
    "feedback": (0o711, 0o001, 0o006, "students fetch theirs, and must not list it"),
}


def exchange_config(course: Course) -> Config:
    """Return the configuration as nbgrader has it in the course's folder, the machine's included.

    Raises CourseError where one of its files does not run.
    """
    whole = Config()
    for folder in reversed(jupyter_config_path()):
        for loader in (PyFileConfigLoader, JSONFileConfigLoader):
            suffix = ".py" if loader is PyFileConfigLoader else ".json"
            whole.merge(_load(loader(Path(CONFIG_NAME).stem + suffix, path=folder)))
    whole.merge(course_config(course))
    return whole


def _load(loader: FileConfigLoader) -> Config:
    try:
        return loader.load_config()
    except ConfigFileNotFound:
        return Config()
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        raise CourseError(f"{loader.full_filename}: {said}") from error


def exchange_root(course: Course) -> Path:
    """Return where nbgrader's exchange is, or would be."""
    return Path(str(exchange_config(course).Exchange.get("root", _DEFAULT_ROOT)))


def examine_exchange(course: Course) -> list[Finding]:
    """Try whether assignments can be released, fetched, submitted and collected here."""
    root, config = exchange_root(course), exchange_config(course)
    if not root.exists():
        mend = "docs/exchange.md says how to make one; without it students get zips: "
        none = f"no exchange: there is no {root}"
        return [
            Finding("nbgrader's exchange", False, none, f"{mend}autograder handout", needed=False)
        ]
    findings = [_root(root), _timezone(config), _course_id(config, course)]
    if findings[-1].good:
        is_shared = bool(config.CourseDirectory.get("groupshared", False))
        findings += _course_folder(root / str(config.CourseDirectory.course_id), is_shared)
    return findings


def _root(root: Path) -> Finding:
    """Students make nothing in it themselves, but nbgrader insists that everybody might."""
    mode, what = stat.S_IMODE(root.stat().st_mode), "the exchange is open to everybody"
    found, mend = f"{root} has mode {mode:o}", f"sudo chmod 1777 {root}"
    if not root.is_dir() or mode & _EVERYBODY != _EVERYBODY:
        return Finding(what, False, found, mend)
    for parent in root.parents:
        if not parent.stat().st_mode & 0o001:
            return Finding(what, False, f"nobody gets into {parent}", f"sudo chmod a+x {parent}")
    if not mode & stat.S_ISVTX:
        # Who may write in a folder may rename what lies there, unless it is sticky.
        return Finding("no student can move a course away", False, found, mend, needed=False)
    return Finding(what, True, found)


def _timezone(config: Config) -> Finding:
    zone = str(config.Exchange.get("timezone", "UTC"))
    what, good = "times of submissions", gettz(zone) is not None
    mend = "" if good else f'c.Exchange.timezone = "UTC" in {CONFIG_NAME}'
    return Finding(what, good, f"in {zone}" if good else f"{zone!r} is no time zone", mend)


def _course_id(config: Config, course: Course) -> Finding:
    name = str(config.CourseDirectory.get("course_id", ""))
    what, mend = (
        "the course's name in the exchange",
        f"c.CourseDirectory.course_id in {course.config}",
    )
    if not name or "/" in name or name.startswith("."):
        return Finding(what, False, repr(name) if name else "not set", mend)
    return Finding(what, True, name)


def _course_folder(folder: Path, is_shared: bool) -> Iterator[Finding]:
    """Look at what releasing has made; before the first release there is nothing."""
    if not folder.exists():
        mend = "nbgrader release_assignment ASSIGNMENT"
        yield Finding("something is released", False, f"no {folder} yet", mend, needed=False)
        return
    owner = folder.stat().st_uid
    mine = is_shared or owner == os.getuid()
    mend = "" if mine else f"release as that user, or: sudo chown -R {_name(os.getuid())} {folder}"
    yield Finding("the course there is yours", mine, f"{folder} is {_name(owner)}'s", mend)
    for name, (right, must, must_not, why) in _FOLDERS.items():
        path = folder / name
        if path.is_dir():
            mode = stat.S_IMODE(path.stat().st_mode)
            good = mode & must == must and not mode & must_not
            mend = "" if good else f"chmod {right:o} {path}"
            yield Finding(f"{name}: {why}", good, f"mode {mode:o}", mend)


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
