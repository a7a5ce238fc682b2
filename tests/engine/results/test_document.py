"""Limits, verdicts and the results document: closed sets, and files that are whole or not there."""

import json
import os
from dataclasses import fields

import pytest
from pydantic import ValidationError

from autograder.results.document import (
    Key,
    SubmissionResult,
    document_lines,
    read_result,
    write_result,
)
from autograder.results.verdicts import Verdict, worst
from autograder.sandbox.limits import Limits


def result(**edits):
    key = Key(submission="a", assignment="b", engine="c", settings="d")
    known = {"assignment": "toy", "student": "Zoë", "score": 1.5, "max_score": 9.0}
    known |= {"verdict": Verdict.PASSED, "isolation": "box", "key": key}
    return SubmissionResult(**(known | edits))


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_must_be_above_zero(name, value):
    with pytest.raises(ValueError, match=f"limit {name} must be above 0"):
        Limits(**{name: value})


def test_the_worst_verdict_stands_for_all():
    assert worst([Verdict.PASSED, Verdict.FAILED, Verdict.PASSED]) is Verdict.FAILED
    assert worst([Verdict.GRADER_ERROR, Verdict.TIMED_OUT]) is Verdict.GRADER_ERROR
    assert worst([Verdict.PASSED]) is Verdict.PASSED


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict != Verdict.PASSED])
def test_one_test_that_did_not_pass_keeps_an_exercise_from_passing(verdict):
    assert worst([Verdict.PASSED, verdict]) is verdict


def test_no_verdict_at_all_is_our_fault():
    assert worst([]) is Verdict.GRADER_ERROR


def test_a_written_result_is_read_back_as_it_was(tmp_path):
    path = tmp_path / "new folder" / "Zoë.json"
    write_result(path, result(notes=["a 'note' – é"]))
    assert read_result(path) == result(notes=["a 'note' – é"])


def test_writing_leaves_one_file_behind(tmp_path):
    path = tmp_path / "a.json"
    for score in (1.0, 2.0):
        write_result(path, result(score=score))
    assert os.listdir(tmp_path) == ["a.json"]
    assert read_result(path).score == 2.0


def test_a_write_that_fails_leaves_the_old_result_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_result(path, result(score=1.0))

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_result(path, result(score=2.0))
    assert os.listdir(tmp_path) == ["a.json"]
    assert read_result(path).score == 1.0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"schema_version": 1}'])
def test_a_file_that_is_no_result_is_none(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert read_result(tmp_path / "a.json") is None


def test_a_missing_file_is_no_result(tmp_path):
    assert read_result(tmp_path / "a.json") is None


@pytest.mark.parametrize("edit", [{"schema_version": 2}, {"surprise": 1}, {"verdict": "MAYBE"}])
def test_a_result_of_another_schema_is_none(tmp_path, edit):
    written = json.loads(result().model_dump_json()) | edit
    (tmp_path / "a.json").write_text(json.dumps(written))
    assert read_result(tmp_path / "a.json") is None


def test_an_unknown_verdict_is_refused():
    with pytest.raises(ValidationError):
        result(verdict="ALMOST")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_document_is_plain_json_whatever_the_count(count):
    made = json.loads("".join(document_lines("toy", {}, iter([result()] * count))))
    assert len(made["submissions"]) == count


def test_the_document_begins_with_its_schema():
    made = json.loads("".join(document_lines("toy", {"why": 2}, [result()])))
    assert made["schema"] == 1
    assert made["assignment"] == "toy"
    assert made["by_hand"] == {"why": 2}
    (submission,) = made["submissions"]
    assert submission["student"] == "Zoë"
    assert submission["verdict"] == "PASSED"
    assert "cells" not in submission
