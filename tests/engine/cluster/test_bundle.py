"""The bundle of a course's files: what is in it, and how it is unpacked."""

import io
import os
import zipfile

import pytest

from autograder.cluster.bundle import pack, unpack
from autograder.errors import AutograderError


def names(content):
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_a_bundle_has_what_grading_reads_and_nothing_else(toy_copy, handed_in):
    handed_in("ada")
    toy_copy.results.mkdir(parents=True)
    toy_copy.result("ada").write_text("{}")
    assert names(pack(toy_copy).content) == [
        "data/numbers.txt",
        "release/toy/numbers.txt",
        "release/toy/toy.ipynb",
        "solutions/toy.py",
        "tests/answers/toy.py",
        "tests/hidden/test_toy.py",
    ]


def test_its_name_is_that_of_its_content(toy_copy):
    first = pack(toy_copy)
    os.utime(toy_copy.solutions, (0, 0))
    assert pack(toy_copy) == first
    toy_copy.solutions.write_text(toy_copy.solutions.read_text() + "\n")
    assert pack(toy_copy).digest != first.digest


def test_an_unpacked_bundle_is_private_but_for_the_data_a_box_shows(toy_copy, tmp_path):
    bundle = pack(toy_copy)
    before = os.umask(0o077)
    try:
        folder = unpack(bundle.content, bundle.digest, tmp_path)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "data").stat().st_mode & 0o777 == 0o755
    assert (folder / "data/numbers.txt").stat().st_mode & 0o777 == 0o644
    assert (folder / "solutions/toy.py").read_bytes() == toy_copy.solutions.read_bytes()
    assert unpack(b"not read again", bundle.digest, tmp_path) == folder


def test_a_bundle_that_is_not_what_its_name_says_is_refused(toy_copy, tmp_path):
    bundle = pack(toy_copy)
    with pytest.raises(AutograderError, match="did not arrive whole"):
        unpack(bundle.content[:-1], bundle.digest, tmp_path)
    assert list(tmp_path.iterdir()) == [toy_copy.course.root]
