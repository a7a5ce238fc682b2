"""From a download into `submitted/`: the newest is there, its time beside it, nothing is lost."""

import errno
import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from nbgrader.api import Assignment, SubmittedAssignment
from nbgrader.coursedir import CourseDirectory

from autograder import atomic_files
from autograder.atomic_files import UNFINISHED
from autograder.cli import main
from autograder.errors import AutograderError
from autograder.submissions.intake import placing
from autograder.submissions.intake.collecting import Settings, collect, preview, read_loose
from autograder.submissions.intake.outcomes import Action
from autograder.submissions.intake.platforms import Reading
from autograder.submissions.intake.times import parse_timestamp

PATTERN = r"(?P<student>\w+?)_(?P<time>\d[\d-]+)(_(?P<assignment>toy))?\.ipynb"
TIMED = Settings(Reading(pattern=PATTERN, zone=UTC))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(student, hour):
    return f"{student}_2026-03-01-{hour}-00-00_toy.ipynb"


@pytest.fixture
def kept(toy_copy):
    """Return a function that reads what is kept of replaced notebooks."""

    def read():
        root = toy_copy.course.root / "collected" / "toy"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.*")}

    return read


def test_the_latest_wins_and_the_replaced_one_is_kept(collected, submitted, kept):
    assert collected({at("ada", 12): b"first"}, TIMED)["ada"].action is Action.PLACED
    done = collected({at("ada", 13): b"second", at("ada", "09"): b"zeroth"}, TIMED)
    assert done["ada"].action is Action.REPLACED
    assert submitted() == {"ada": b"second"}
    (first, time) = sorted(kept())
    assert first.startswith("ada/20260301T120000Z-")
    assert kept()[first] == b"first"
    assert kept()[time] == b"2026-03-01 12:00:00.000000 UTC"
    assert done["ada"].kept.read_bytes() == b"first"


def test_within_one_download_the_older_is_told(toy_copy, download):
    path = download({at("ada", 12): b"first", at("ada", 13): b"second"})
    done = collect(toy_copy, (path,), TIMED)
    assert [(one.action, one.reason) for one in done] == [
        (Action.OLDER, "a later one was handed in"),
        (Action.PLACED, "the latest of 2"),
    ]


def test_an_older_one_is_not_placed_unless_asked_for(collected, submitted, kept):
    collected({at("ada", 12): b"noon"}, TIMED)
    done = collected({at("ada", 11): b"before"}, TIMED)
    assert done["ada"].action is Action.OLDER
    assert not done["ada"].needs_person
    assert submitted() == {"ada": b"noon"}
    done = collected({at("ada", 11): b"before"}, Settings(TIMED.reading, replace=True))
    assert done["ada"].action is Action.REPLACED
    assert submitted() == {"ada": b"before"}
    assert b"noon" in kept().values()


def test_the_same_again_is_unchanged(collected, toy_copy, kept):
    collected({at("ada", 12): b"same"}, TIMED)
    path = toy_copy.submission("ada")
    before = path.stat()
    done = collected({at("ada", 14): b"same"}, TIMED)
    assert done["ada"].action is Action.UNCHANGED
    assert path.stat().st_ino == before.st_ino
    assert parse_timestamp((path.parent / "timestamp.txt").read_text()) == NOON
    assert kept() == {}


def test_a_time_that_was_missing_is_added(collected, toy_copy):
    collected({"ada.ipynb": b"same"})
    timestamp = toy_copy.submission("ada").parent / "timestamp.txt"
    assert not timestamp.exists()
    collected({at("ada", 12): b"same"}, TIMED)
    assert parse_timestamp(timestamp.read_text()) == NOON


def test_without_times_a_person_decides(collected, submitted, kept):
    collected({"ada.ipynb": b"first"})
    done = collected({"ada.ipynb": b"second"})
    assert done["ada"].needs_person
    assert "no time tells" in done["ada"].reason
    assert submitted() == {"ada": b"first"}
    collected({"ada.ipynb": b"second"}, Settings(replace=True))
    assert submitted() == {"ada": b"second"}
    assert list(kept().values()) == [b"first"]


def test_a_replaced_ones_time_does_not_stay(collected, toy_copy):
    collected({at("ada", 12): b"first"}, TIMED)
    collected({"ada.ipynb": b"second"}, Settings(replace=True))
    assert not (toy_copy.submission("ada").parent / "timestamp.txt").exists()


def test_two_of_one_moment_are_left_to_a_person(toy_copy, download, submitted):
    paths = (
        download({"ada.ipynb": b"one"}, "1.zip"),
        download({"ada.ipynb": b"two"}, "2.zip"),
    )
    done = collect(toy_copy, paths)
    assert [one.action for one in done] == [Action.LEFT_OUT] * 2
    assert submitted() == {}
    same = (paths[0], download({"ada.ipynb": b"one"}, "3.zip"))
    assert [one.action for one in collect(toy_copy, same)] == [Action.PLACED]


def test_several_notebooks_in_one_submission(collected, submitted):
    moodle = "{}_{}_assignsubmission_file_/{}.ipynb"
    done = collected(
        {
            moodle.format("Ada", 1, "toy"): b"ada",
            moodle.format("Ada", 1, "scratch"): b"scratch",
            moodle.format("Bob", 2, "one"): b"one",
            moodle.format("Bob", 2, "two"): b"two",
            moodle.format("Cyd", 3, "Toy (1)"): b"cyd",
            moodle.format("Dan", 4, "a/toy"): b"one",
            moodle.format("Dan", 4, "b/toy"): b"two",
            moodle.format("Eve", 5, "only"): b"eve",
        }
    )
    assert submitted() == {"Ada": b"ada", "Cyd": b"cyd", "Eve": b"eve"}
    assert done["Ada"].reason == "left aside: scratch.ipynb"
    assert done["Eve"].reason == "its name was only.ipynb"
    assert done["Bob"].needs_person
    assert "one.ipynb, two.ipynb" in done["Bob"].reason
    assert done["Dan"].needs_person


def test_nbgrader_reads_the_time_and_finds_it_late(collected, toy_copy):
    zoned = Settings(Reading(pattern=r"(?P<student>\w+)@(?P<time>.*)\.ipynb"))
    collected({"ada@2026-03-01 13:00:30+01.ipynb": b"late"}, zoned)
    folder = toy_copy.submission("ada").parent
    time = CourseDirectory().get_existing_timestamp(str(folder))
    assert time == datetime(2026, 3, 1, 12, 0, 30)
    due = Assignment(name="toy", duedate=NOON.replace(tzinfo=None))
    assert SubmittedAssignment(assignment=due, timestamp=time).total_seconds_late == 30


@pytest.mark.parametrize("odd", ["link", "folder", "student link"])
def test_what_is_no_submission_is_not_written_through(collected, toy_copy, tmp_path, odd):
    path = toy_copy.submission("ada")
    target = tmp_path / "target"
    target.mkdir()
    if odd == "folder":
        path.mkdir(parents=True)
    elif odd == "link":
        path.parent.mkdir(parents=True)
        path.symlink_to(target / "notebook")
    else:
        path.parent.parent.parent.mkdir()
        path.parent.parent.symlink_to(target)
    done = collected({"ada.ipynb": b"new"}, Settings(replace=True))
    assert done["ada"].needs_person
    assert "is a link or" in done["ada"].reason
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("step", range(5))
def test_a_kill_leaves_the_old_one_or_the_new_one(collected, toy_copy, monkeypatch, kept, step):
    """Whatever the step: never a part, never the time of another notebook, and a rerun heals."""
    collected({at("ada", 12): b"old"}, TIMED)
    calls = iter(range(100))
    replace, unlink = os.replace, type(toy_copy.course.root).unlink

    class Killed(BaseException):
        pass

    def stop(run):
        def stopped(*args, **kwargs):
            if next(calls) == step:
                raise Killed
            return run(*args, **kwargs)

        return stopped

    with monkeypatch.context() as patch:
        patch.setattr(atomic_files.os, "replace", stop(replace))
        patch.setattr(placing.Path, "unlink", stop(unlink))
        with pytest.raises(Killed):
            collected({at("ada", 13): b"new"}, TIMED)
    path = toy_copy.submission("ada")
    timestamp = path.parent / "timestamp.txt"
    time = parse_timestamp(timestamp.read_text()) if timestamp.exists() else None
    hours = {b"old": (None, NOON), b"new": (None, NOON + timedelta(hours=1))}
    assert time in hours[path.read_bytes()]
    collected({at("ada", 13): b"new"}, Settings(TIMED.reading, replace=True))
    assert path.read_bytes() == b"new"
    assert parse_timestamp(timestamp.read_text()) == NOON + timedelta(hours=1)
    assert b"old" in kept().values()


def test_what_a_kill_left_is_removed_by_the_next_run(collected, toy_copy):
    collected({at("ada", 12): b"old"}, TIMED)
    folder = toy_copy.submission("ada").parent
    for name, age in ((f"{UNFINISHED}old", 4000), (f"{UNFINISHED}new", 10)):
        (folder / name).write_bytes(b"half")
        moment = time.time() - age
        os.utime(folder / name, (moment, moment))
    collected({at("ada", 13): b"new"}, TIMED)
    left = sorted(path.name for path in folder.iterdir())
    assert left == [f"{UNFINISHED}new", "timestamp.txt", "toy.ipynb"]


def test_a_disk_that_cannot_be_written_is_said(collected, submitted, monkeypatch):
    collected({at("ada", 12): b"old"}, TIMED)

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "submitted/ada")

    with monkeypatch.context() as patch:
        patch.setattr(placing.shutil, "copyfile", full)
        with pytest.raises(AutograderError, match="submitted/ada: No space left on device"):
            collected({at("ada", 13): b"new"}, TIMED)
    assert submitted() == {"ada": b"old"}


def test_nothing_is_seen_in_part(collected, toy_copy):
    """A reader at the same time sees one whole notebook after the other."""
    contents = [bytes([65 + number]) * 300_000 for number in range(8)]
    path = toy_copy.submission("ada")
    collected({at("ada", 10): contents[0]}, TIMED)
    seen, done = set(), threading.Event()

    def watch():
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=watch)
    reader.start()
    for number, content in enumerate(contents[1:], start=11):
        collected({at("ada", number): content}, TIMED)
    done.set()
    reader.join()
    assert seen <= set(contents)


def test_a_preview_writes_nothing(toy_copy, download, submitted):
    path = download({"ada.ipynb": b"ada"})
    before = sorted(toy_copy.course.root.rglob("*"))
    (one,) = preview(toy_copy, (path,))
    assert (one.student, one.action, one.content) == ("ada", Action.PLACED, None)
    assert sorted(toy_copy.course.root.rglob("*")) == before


def test_loose_notebooks_touch_nothing_of_the_course(toy_copy, download, tmp_path, collected):
    collected({"ada.ipynb": b"there"})
    before = sorted(toy_copy.course.root.rglob("*"))
    path = download({"ada.ipynb": b"ada", "bob.ipynb": b"bob", "../eve.ipynb": b"eve"})
    notebooks, left = read_loose(toy_copy, (path,), tmp_path / "loose")
    assert {student: path.read_bytes() for student, path in notebooks.items()} == {
        "ada": b"ada",
        "bob": b"bob",
    }
    assert [one.source for one in left] == ["download.zip: ../eve.ipynb"]
    assert sorted(toy_copy.course.root.rglob("*")) == before


@pytest.mark.parametrize("where", [".", "submitted", "submitted/ada"])
def test_what_is_collected_already_is_refused(toy_copy, where, collected):
    collected({"ada.ipynb": b"ada"})
    with pytest.raises(AutograderError, match="is collected already"):
        collect(toy_copy, (toy_copy.course.root / where,))


@pytest.mark.parametrize(
    ("name", "message"), [("none.zip", "no such file"), ("a.pdf", "is neither a zip archive")]
)
def test_paths_that_hold_no_class(toy_copy, tmp_path, name, message):
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(AutograderError, match=message):
        collect(toy_copy, (tmp_path / name,))


@pytest.fixture
def command(toy_copy):
    """Return a function that runs `autograder collect toy` with the arguments given."""

    def run(*arguments):
        course = ["--course", str(toy_copy.course.root)]
        return CliRunner().invoke(main, [*course, "collect", "toy", *map(str, arguments)])

    return run


def test_the_command_prints_what_became_of_each(command, download, submitted):
    done = command(download({"ada.ipynb": b"ada", "[red]bob.ipynb": b"bob"}), "--dry-run")
    assert done.exit_code == 1
    assert "Dry run: nothing was written." in done.output
    assert submitted() == {}
    done = command(download({"ada.ipynb": b"ada", "../e\x1b[31mve.ipynb": b"eve"}))
    assert done.exit_code == 1
    assert "1 placed" in done.output
    assert r"../e\x1b[31mve.ipynb" in done.output
    assert "\x1b" not in done.output
    done = command(download({"ada.ipynb": b"ada"}))
    assert done.exit_code == 0
    assert "1 unchanged" in done.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--timezone", "Mars/Olympus"], "no time zone 'Mars/Olympus'"),
        (["--timezone", "../../etc/passwd"], "no time zone"),
        (["--pattern", "("], "--pattern is no regular expression"),
        (["--pattern", "(?P<student>.)", "--from", "canvas"], "exclude each other"),
    ],
)
def test_bad_options_are_said_on_one_line(command, download, options, message):
    done = command(download({"ada.ipynb": b"ada"}), *options)
    assert done.exit_code == 2
    assert message in done.output.splitlines()[-1]
