"""Downloads as the platforms make them: whose notebook, when, and which of several."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from autograder.errors import AutograderError
from autograder.submissions.intake import patterns
from autograder.submissions.intake.collecting import Settings
from autograder.submissions.intake.outcomes import Action
from autograder.submissions.intake.platforms import Platform, Reading, Unnamed, canvas, moodle

from .conftest import notebook, zipped

METADATA = """---
submission_1:
  :submitters:
  - :name: Ada
    :sid: '007'
    :email: ada@example.org
  :created_at: 2026-03-01 22:59:59.123456000 Z
  :history: []
submission_2:
  :submitters:
  - :name: Bob
    :sid: ''
    :email: bob@example.org
  - :name: Cyd
    :sid: '12'
  :created_at: 2026-03-02 01:00:00.000000000 +02:00
"""


def test_canvas(collected, submitted):
    done = collected(
        {
            "lovelaceada_12345_67890_toy.ipynb": notebook("ada"),
            "roebob_LATE_222_9000_toy-2.ipynb": notebook("bob"),
            "poecyd_333_9001_my work.ipynb": notebook("cyd"),
            "poecyd_333_9002_notes.txt": b"hello",
            "LATE_anon_x1y2z_9003_toy.ipynb": notebook("anonymous"),
        }
    )
    assert submitted() == {
        "12345": notebook("ada"),
        "222": notebook("bob"),
        "333": notebook("cyd"),
        "anon_x1y2z": notebook("anonymous"),
    }
    assert {one.time for one in done.values()} == {None}
    assert "late" in done["222"].reason
    assert "my work.ipynb" in done["333"].reason


def test_canvas_takes_the_later_file_of_a_submission(collected, submitted):
    collected(
        {
            "lovelaceada_12345_67891_toy-1.ipynb": notebook("second"),
            "lovelaceada_12345_67890_toy.ipynb": notebook("first"),
        }
    )
    assert submitted() == {"12345": notebook("second")}


def test_a_name_on_canvas_cannot_hand_in_for_another(collected, submitted):
    files = {
        f"name{number}_{number}_1{number}_toy.ipynb": notebook(number) for number in range(10, 14)
    }
    done = collected({**files, "mallory_10_666_999_toy.ipynb": notebook("mallory")})
    assert submitted()["10"] == notebook(10)
    refused = done["mallory_10_666_999_toy.ipynb"]
    assert refused.needs_person
    assert "two ways" in refused.reason


def test_moodle_in_folders_and_flat(collected, submitted):
    done = collected(
        {
            "Ada Lovelace_1234567_assignsubmission_file_/toy.ipynb": notebook("ada"),
            "Ada Lovelace_1234567_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
            "José Ñúñez_7_assignsubmission_file_/folder/toy.ipynb": notebook("josé"),
            "Bob Roe_8_assignsubmission_file_toy.ipynb": notebook("bob"),
        }
    )
    assert submitted() == {
        "Ada Lovelace": notebook("ada"),
        "José Ñúñez": notebook("josé"),
        "Bob Roe": notebook("bob"),
    }
    assert {one.action for one in done.values()} == {Action.PLACED}


def test_students_of_one_name_get_the_number_of_moodle(collected, submitted):
    done = collected(
        {
            "Ada Lovelace_1_assignsubmission_file_/toy.ipynb": notebook("one"),
            "Ada\u00a0 Lovelace_2_assignsubmission_file_/toy.ipynb": notebook("two"),
        }
    )
    assert submitted() == {"Ada Lovelace_1": notebook("one"), "Ada Lovelace_2": notebook("two")}
    assert "several students have this name" in done["Ada Lovelace_1"].reason


def test_gradescope(collected, submitted):
    done = collected(
        {
            "assignment_9_export/submission_metadata.yml": METADATA,
            "assignment_9_export/submission_1/toy.ipynb": notebook("ada"),
            "assignment_9_export/submission_2/work.ipynb": notebook("group"),
            "assignment_9_export/submission_3/toy.ipynb": notebook("nobody"),
        }
    )
    assert submitted() == {
        "007": notebook("ada"),
        "bob@example.org": notebook("group"),
        "12": notebook("group"),
    }
    assert done["007"].time == datetime(2026, 3, 1, 22, 59, 59, 123456, UTC)
    assert done["12"].time == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert "2 students together" in done["12"].reason
    nobody = done["assignment_9_export/submission_3/toy.ipynb"]
    assert nobody.needs_person
    assert "submission_metadata.yml" in nobody.reason


def test_gradescope_without_metadata_makes_up_no_students(collected, submitted):
    done = collected({"export/submission_1/toy.ipynb": b"1", "export/submission_2/toy.ipynb": b"2"})
    assert submitted() == {}
    assert "no submission_metadata.yml" in done["export/submission_1/toy.ipynb"].reason


@pytest.mark.parametrize(
    "metadata",
    [
        "a: [",
        "- just\n- a list",
        "text",
        "a: " + "[" * 1_000_000,
        "- " * 100_000,
        "a: &a [*a]\nb: \x00",
        "? [a]\n: b",
    ],
)
def test_broken_metadata_of_gradescope_is_said(collected, submitted, metadata):
    files = {"submission_metadata.yml": metadata, "submission_1/toy.ipynb": notebook("ada")}
    with pytest.raises(AutograderError, match=r"submission_metadata\.yml is not"):
        collected(files)
    assert submitted() == {}


def test_metadata_with_aliases_and_more_documents(collected, submitted):
    metadata = (
        "submission_1:\n  :submitters:\n  - :sid: &x '7'\n  - :sid: *x\n    :email: e\n---\na"
    )
    collected({"submission_metadata.yml": metadata, "submission_1/toy.ipynb": b"ada"})
    assert submitted() == {"7": b"ada"}


def test_metadata_of_odd_types_claim_nothing(collected, submitted):
    metadata = "submission_1: {':submitters': {a: 1}, ':created_at': [1]}\n1: 2\nsubmission_2: 3\n"
    done = collected(
        {"submission_metadata.yml": metadata, "submission_1/toy.ipynb": notebook("ada")}
    )
    assert "no submitter" in done["submission_1/toy.ipynb"].reason
    assert submitted() == {}


def test_a_file_within_a_submission_cannot_change_whose_download_it_is(collected, submitted):
    forged = "submission_1: {':submitters': [{':sid': 'Bob Roe'}]}"
    ada = "Ada Lovelace_1_assignsubmission_file_"
    collected(
        {
            f"{ada}/submission_metadata.yml": forged,
            f"{ada}/submission_1/toy.ipynb": notebook("ada"),
            f"{ada}/Bob Roe_2_assignsubmission_file_/other.ipynb": notebook("forged"),
        }
    )
    assert submitted() == {"Ada Lovelace": notebook("ada")}


@pytest.mark.parametrize("root", ["", "submitted/"])
def test_folders_of_nbgrader_with_their_times(collected, submitted, root):
    done = collected(
        {
            f"{root}ada/toy/toy.ipynb": notebook("ada"),
            f"{root}ada/toy/timestamp.txt": "2026-03-01 10:00:00.5 America/Los_Angeles",
            f"{root}bob/toy/toy.ipynb": notebook("bob"),
            f"{root}bob/other/other.ipynb": notebook("other"),
        }
    )
    assert submitted() == {"ada": notebook("ada"), "bob": notebook("bob")}
    assert done["ada"].time == datetime(2026, 3, 1, 18, 0, 0, 500000, UTC)
    assert "another assignment" in done[f"{root}bob/other/other.ipynb"].reason


@pytest.mark.parametrize("root", ["", "class/"])
def test_loose_notebooks(collected, submitted, root):
    collected({f"{root}ada.ipynb": notebook("ada"), f"{root}bob.ipynb": notebook("bob")})
    assert submitted() == {"ada": notebook("ada"), "bob": notebook("bob")}


def test_a_folder_is_read_like_an_archive(collected, submitted, tmp_path):
    folder = tmp_path / "inbox"
    (folder / ".ipynb_checkpoints").mkdir(parents=True)
    (folder / "ada.ipynb").write_bytes(notebook("ada"))
    (folder / ".ipynb_checkpoints" / "ada-checkpoint.ipynb").write_bytes(notebook("old"))
    (folder / "eve.ipynb").symlink_to("/etc/passwd")
    done = collected(folder)
    assert submitted() == {"ada": notebook("ada")}
    assert "symbolic link" in done["inbox: eve.ipynb"].reason


def test_loose_archives_are_named_by_their_students(collected, submitted):
    collected({"ada.zip": zipped({"x.ipynb": b"ada"}), "bob.ipynb": b"bob"})
    assert submitted() == {"ada": b"ada", "bob": b"bob"}


def test_an_archive_that_a_student_handed_in_is_opened(collected, submitted):
    inner = zipped({"work/toy.ipynb": notebook("ada"), "work/data.csv": b"1"})
    done = collected(
        {
            "lovelaceada_1_2_work.zip": inner,
            "roebob_3_4_deep.zip": zipped({"a.zip": inner}),
            "poecyd_5_6_broken.zip": b"PK no archive",
        }
    )
    assert submitted() == {"1": notebook("ada")}
    assert "not opened" in done["roebob_3_4_deep.zip/a.zip"].reason
    assert "not a whole zip archive" in done["poecyd_5_6_broken.zip"].reason


PATTERN = r"ps1_(?P<student>\w+)_attempt_(?P<time>[0-9\-]+)_(?P<assignment>\w+)\.ipynb"


def test_a_pattern_with_times_in_a_zone(collected, submitted):
    reading = Reading(pattern=PATTERN, zone=ZoneInfo("Europe/Berlin"))
    done = collected(
        {
            "ps1_hacker_attempt_2016-01-30-20-30-10_toy.ipynb": notebook("first"),
            "ps1_hacker_attempt_2016-01-30-21-30-10_toy.ipynb": notebook("second"),
            "ps1_ada_attempt_2016-13-30-20-30-10_toy.ipynb": notebook("no time"),
            "ps1_bob_attempt_2016-01-30-20-30-10_other.ipynb": notebook("other"),
            "unlike.ipynb": notebook("unlike"),
        },
        Settings(reading),
    )
    assert submitted() == {"hacker": notebook("second")}
    assert done["hacker"].time == datetime(2016, 1, 30, 20, 30, 10, tzinfo=UTC)
    assert "no time" in done["ps1_ada_attempt_2016-13-30-20-30-10_toy.ipynb"].reason
    assert "another assignment" in done["ps1_bob_attempt_2016-01-30-20-30-10_other.ipynb"].reason
    assert "does not match" in done["unlike.ipynb"].reason


def test_a_pattern_in_place_of_a_platforms_names(collected, submitted):
    folder = "Ada Lovelace_1_assignsubmission_file_"
    reading = Reading(pattern=r"(?P<student>[^_]+_\d+)_assign.*")
    collected(
        {f"{folder}/toy.ipynb": b"ada", f"{folder}/scratch.ipynb": b"scratch"}, Settings(reading)
    )
    assert submitted() == {"Ada Lovelace_1": b"ada"}


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "no regular expression"),
        (r"(?P<time>\d+)", "no group"),
        (r"(?P<student>.)(?P<file_id>.)", "a group 'file_id'"),
    ],
)
def test_a_bad_pattern_is_said(collected, pattern, message):
    with pytest.raises(AutograderError, match=message):
        collected({"ada.ipynb": notebook("ada")}, Settings(Reading(pattern=pattern)))


def test_a_pattern_that_a_name_makes_match_for_ever_is_stopped(collected, submitted):
    reading = Reading(pattern=r"(?P<student>(a|a)+)\.ipynb$")
    name = f"{'a' * 60}.x.ipynb"
    done = collected({name: notebook("eve"), "aa.ipynb": notebook("aa")}, Settings(reading))
    assert "takes too long" in done[name].reason
    assert submitted() == {"aa": notebook("aa")}


def test_a_pattern_that_is_slow_for_many_names_ends_the_command(collected, submitted, monkeypatch):
    monkeypatch.setattr(patterns, "_TIMEOUT_S", 0.01)
    files = {f"{'a' * 60}.{number}.ipynb": notebook(number) for number in range(20)}
    with pytest.raises(AutograderError, match="takes too long for 'aaa"):
        collected(files, Settings(Reading(pattern=r"(?P<student>(a|a)+)\.ipynb$")))
    assert submitted() == {}


def test_the_platform_named_is_the_one_that_is_read(collected, submitted):
    with pytest.raises(AutograderError, match=r"no submission_metadata\.yml"):
        collected({"ada.ipynb": notebook("ada")}, Settings(Reading(Platform.GRADESCOPE)))
    done = collected({"ada_1_2_toy.ipynb": notebook("ada")}, Settings(Reading(Platform.MOODLE)))
    assert "as Moodle names files" in done["ada_1_2_toy.ipynb"].reason
    collected({"ada_1_2_toy.ipynb": notebook("ada")}, Settings(Reading(Platform.LOOSE)))
    assert submitted() == {"ada_1_2_toy": notebook("ada")}


@pytest.mark.parametrize("name", ["toy.ipynb", "ada_toy.ipynb", "ada_1_toy.ipynb", ""])
def test_names_of_no_platform_claim_nothing(name):
    for read in (canvas, moodle):
        with pytest.raises(Unnamed):
            read(name)
