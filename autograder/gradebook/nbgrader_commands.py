"""Let nbgrader's own converters run in this process: their log, their scripts, their warnings."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

from sqlalchemy.exc import SAWarning

from autograder.course.files import Course
from autograder.safe_text import for_terminal

# nbgrader's queries flush objects that its session does not know yet; it does no harm.
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")


def put_scripts_on_path() -> None:
    """nbgrader calls `alembic` by name: let it find this environment's."""
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = scripts + os.pathsep + os.environ.get("PATH", "")


class _SafeLines(logging.Formatter):
    """Writes what a terminal may show; only a record's own first line begins at the margin."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's lines."""
        return "\n    ".join(map(for_terminal, super().format(record).split("\n")))


def nbgrader_log(course: Course) -> logging.Logger:
    """Return a logger that writes what nbgrader says to `results/nbgrader.log`."""
    log = logging.getLogger("autograder.nbgrader")
    log.propagate = False
    log.setLevel(logging.WARNING)
    path = course.root / "results" / "nbgrader.log"
    if not any(getattr(old, "baseFilename", None) == str(path) for old in log.handlers):
        path.parent.mkdir(exist_ok=True)
        handler = logging.FileHandler(path, delay=True)
        handler.setFormatter(_SafeLines("%(asctime)s %(levelname)s %(message)s"))
        for old in log.handlers:
            old.close()
        log.handlers = [handler]
    return log
