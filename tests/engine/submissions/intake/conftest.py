"""Real zip archives, as each platform makes them, and a course to collect them into."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from autograder.submissions.intake.collecting import collect


def notebook(text):
    """The bytes of a notebook, as far as collecting looks at them."""
    return f'{{"cells": [], "metadata": {{"text": "{text}"}}}}'.encode()


def zipped(files, **infos):
    """The bytes of an archive; a name may be a ZipInfo."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return made.getvalue()


def info(name, mode=None, method=zipfile.ZIP_DEFLATED):
    made = zipfile.ZipInfo(name)
    made.compress_type = method
    if mode is not None:
        made.create_system = 3
        made.external_attr = (mode | stat.S_IRUSR) << 16
    return made


@pytest.fixture
def download(tmp_path):
    """Return a function that writes an archive of the given files."""

    def write(files, name="download.zip"):
        path = tmp_path / name
        path.write_bytes(files if isinstance(files, bytes) else zipped(files))
        return path

    return write


@pytest.fixture
def collected(toy_copy, download):
    """Return a function that collects an archive; gives outcomes by student or by source."""

    def run(files, settings=None, name="download.zip"):
        path = files if isinstance(files, Path) else download(files, name)
        outcomes = collect(toy_copy, (path,), *([settings] if settings else []))
        return {one.student or one.source.removeprefix(f"{name}: "): one for one in outcomes}

    return run


@pytest.fixture
def submitted(toy_copy):
    """Return a function that reads what lies in submitted/, by student."""

    def read():
        return {
            path.parent.parent.name: path.read_bytes()
            for path in toy_copy.course.submitted.glob("*/toy/toy.ipynb")
        }

    return read
