"""Write files that a reader finds whole: as they were, or as they are to be; never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# What a process that was killed may leave behind; nothing else is named so.
UNFINISHED = ".unfinished-"


def write_whole(path: Path, content: bytes, *, synced: bool = True) -> None:
    """Write a file for its owner alone; `synced`, it is whole even if the machine stops at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what a run that was killed in the middle of writing left behind."""
    for path in folder.glob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)
