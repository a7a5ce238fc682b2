"""The course's licence: in every built notebook, and in the files that state it."""

import json
from pathlib import Path

import pytest
import yaml

from autograder.course.configuration import course_licence
from autograder.course.files import find_course

ROOT = Path(__file__).parents[3]
COURSE = find_course(ROOT)
NOTEBOOKS = [
    path for one in COURSE.assignments() for path in (one.source_notebook, one.release_notebook)
]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_built_notebook_bears_the_licence(path):
    assert json.loads(path.read_bytes())["metadata"]["license"] == "CC-BY-4.0"


def test_the_configuration_and_the_licence_file_name_the_same_licence():
    notice = (ROOT / "LICENSE-course").read_text(encoding="utf-8")
    assert f"SPDX-License-Identifier: {course_licence(COURSE)}\n" in notice
    assert "https://creativecommons.org/licenses/by/4.0/legalcode\n" in notice


def test_the_folders_that_the_licence_file_names_are_there():
    notice = (ROOT / "LICENSE-course").read_text(encoding="utf-8")
    named = [line.split()[0] for line in notice.splitlines() if line.startswith("    ")]
    folders = [name for name in named if name.endswith("/") and "://" not in name]
    assert len(folders) == 6
    assert all((ROOT / name).is_dir() for name in folders)


def test_the_citation_has_what_its_form_asks_for():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert citation["license"] == ["BSD-3-Clause", "CC-BY-4.0"]
    assert all({"type", "title", "authors"} <= one.keys() for one in citation["references"])
