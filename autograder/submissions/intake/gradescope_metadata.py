"""Read the `submission_metadata.yml` of a Gradescope export, event by event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import yaml

from autograder.submissions.intake.entries import METADATA
from autograder.submissions.intake.platforms import Handed
from autograder.submissions.intake.times import parse_time

# Events only, no objects: loading recurses in C, where deep nesting ends the process, and takes
# seconds for the results of tests, which nobody asks for here.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MAX_DEPTH = 50

Where = tuple[str | int, ...]


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
    times: dict[str, str] = {}
    ids: dict[str, dict[int, dict[str, str]]] = {}
    try:
        with path.open("rb") as file:
            for where, text in _scalars(file):
                match where:
                    case (str(folder), ":created_at"):
                        times[folder] = text
                    case (str(folder), ":submitters", int(number), (":sid" | ":email") as key):
                        one = ids.setdefault(folder, {}).setdefault(number, {})
                        one[str(key)] = text
                    case (str(folder), *_):
                        ids.setdefault(folder, {})
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0][:100] if str(error) else type(error).__name__
        raise BrokenMetadata(f"is not YAML ({reason})") from None
    return {folder: _handed(ids.get(folder, {}), times.get(folder)) for folder in {**ids, **times}}


def _handed(submitters: dict[int, dict[str, str]], written: str | None) -> Handed:
    students = [
        one.get(":sid", "").strip() or one.get(":email", "").strip() for one in submitters.values()
    ]
    try:
        time = parse_time(written, UTC) if written else None
    except ValueError:
        time = None
    return Handed(tuple(dict.fromkeys(filter(None, students))), time)


@dataclass
class _Level:
    """A mapping or a sequence that is being read, and where in it."""

    is_mapping: bool
    key: str | None = None
    index: int = 0

    @property
    def position(self) -> str | int:
        return (self.key or "") if self.is_mapping else self.index

    def advance(self) -> None:
        self.key = None
        self.index += 1


def _scalars(file: Any) -> Iterator[tuple[Where, str]]:
    """Yield every text in the first document with its path of keys and positions."""
    levels: list[_Level] = []
    anchors: dict[str, str] = {}
    for event in yaml.parse(file, Loader=_Loader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            _check_start(event, levels)
            levels.append(_Level(isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            levels.pop()
            if not levels:
                return
            levels[-1].advance()
        elif isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
            text = _text(event, anchors)
            if not levels:
                raise BrokenMetadata(f"is not the {METADATA} of an export: it names no submissions")
            if levels[-1].is_mapping and levels[-1].key is None:
                levels[-1].key = text
                continue
            yield tuple(level.position for level in levels), text
            levels[-1].advance()


def _check_start(event: Any, levels: list[_Level]) -> None:
    if not levels and not isinstance(event, yaml.MappingStartEvent):
        raise BrokenMetadata(f"is not the {METADATA} of an export: it names no submissions")
    if len(levels) >= _MAX_DEPTH:
        raise BrokenMetadata(f"is not the {METADATA} of an export: it is nested too deeply")
    if levels and levels[-1].is_mapping and levels[-1].key is None:
        raise BrokenMetadata(f"is not the {METADATA} of an export: a key is no text")


def _text(event: Any, anchors: dict[str, str]) -> str:
    if isinstance(event, yaml.AliasEvent):
        return anchors.get(event.anchor or "", "")
    if event.anchor is not None:
        anchors[event.anchor] = event.value
    return str(event.value)
