"""Read the `submission_metadata.yml` of a Gradescope export; believe none of its types."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import Any

import yaml

from autograder.submissions.intake.entries import METADATA
from autograder.submissions.intake.platforms import Handed
from autograder.submissions.intake.times import parse_time

# It makes texts of all values: no date is built, and a student id keeps its leading zeros.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class BrokenMetadata(Exception):
    """The file cannot be read; the message says why."""


def read_metadata(path: Path) -> dict[str, Handed]:
    """Return each submission's students and time by its folder; raise BrokenMetadata.

    A student is named by `:sid:`, or where that is empty by `:email:`. `:created_at:` is the
    time of the submission that the folder holds; older ones in `:history:` have no files.

    Gradescope does not document this file; published scripts that read it agree on these fields.
    Its cousin in JSON, which autograders see, is documented:
    https://gradescope-autograders.readthedocs.io/en/latest/submission_metadata/
    """
    try:
        loaded = yaml.load(path.read_bytes(), Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise BrokenMetadata(f"is not YAML ({reason})") from None
    if not isinstance(loaded, dict):
        raise BrokenMetadata(f"is not the {METADATA} of an export: it names no submissions")
    return {
        folder: _handed(record)
        for folder, record in loaded.items()
        if isinstance(folder, str) and isinstance(record, dict)
    }


def _handed(record: dict[Any, Any]) -> Handed:
    submitters = record.get(":submitters")
    students: list[str] = []
    for one in submitters if isinstance(submitters, list) else []:
        if isinstance(one, dict):
            ids = (one.get(":sid"), one.get(":email"))
            students += [text for text in ids if isinstance(text, str) and text.strip()][:1]
    written = record.get(":created_at")
    try:
        time = parse_time(written, UTC) if isinstance(written, str) else None
    except ValueError:
        time = None
    return Handed(tuple(dict.fromkeys(students)), time)
