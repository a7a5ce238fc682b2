"""`autograder doctor` says what student code sees, and what of the course lies in that."""

import pytest

from autograder.cli.doctor import doctor
from autograder.sandbox.host import machine_check
from autograder.sandbox.host import shown as shown_module
from shared.commands import run_forked

pytestmark = pytest.mark.box


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Opening boxes is tried elsewhere."""
    good = machine_check.Finding("a box", True, "works")
    monkeypatch.setattr(machine_check, "_box", lambda nested: good)


def said(folder):
    """Return doctor's exit code and its lines, in one piece each."""
    done = run_forked(folder, "autograder", "doctor")
    assert done.stderr == ""
    return done.returncode, " ".join(done.stdout.replace("│", " ").split())


def test_a_course_in_a_good_place(toy_copy):
    status, text = said(toy_copy.course.root)
    assert status == 0
    assert "ok what student code sees, and nothing else /usr/bin," in text
    for what in ("the course", "the gradebook", "the home folder", "the course's submitted"):
        assert f"ok {what} is out of its sight" in text
    assert "/usr/include" not in text
    assert "/usr/src" not in text


def test_a_gradebook_in_what_is_shown(toy_copy, monkeypatch, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    monkeypatch.setattr(shown_module, "_SYSTEM", (*shown_module._SYSTEM, str(library)))
    config = toy_copy.course.config
    url = f"sqlite:///{library}/grades.db"
    config.write_text(config.read_text() + f"\nc.CourseDirectory.db_url = {url!r}\n")
    status, text = said(toy_copy.course.root)
    assert status == 1
    assert "no the gradebook is out of its sight" in text
    assert "ok the course is out of its sight" in text
    assert "move it elsewhere" in text


def test_a_course_in_what_is_shown(toy_copy, monkeypatch):
    system = (*shown_module._SYSTEM, str(toy_copy.course.root.parent))
    monkeypatch.setattr(shown_module, "_SYSTEM", system)
    status, text = said(toy_copy.course.root)
    assert status == 1
    for what in ("the course", "the course's solutions", "the course's submitted"):
        assert f"no {what} is out of its sight" in text


def test_it_looks_at_other_users_and_at_the_exchange(toy_copy, tmp_path):
    config = toy_copy.course.config
    config.write_text(f"{config.read_text()}\nc.Exchange.root = {str(tmp_path / 'none')!r}\n")
    status, text = said(toy_copy.course.root)
    assert status == 0
    assert "other users cannot read the course" in text
    assert "- nbgrader's exchange no exchange: there is no" in text
    (tmp_path / "none").mkdir(mode=0o700)
    status, text = said(toy_copy.course.root)
    assert status == 1
    assert "no the exchange is open to everybody" in text
    assert "sudo chmod 1777" in text


def test_where_no_course_is(tmp_path):
    status, text = said(tmp_path)
    assert status == 0
    assert "no course here" in text
    assert "autograder --course FOLDER doctor" in text
    assert "ok the home folder is out of its sight" in text


def test_its_help_says_how_to_name_a_course():
    assert "--course FOLDER doctor" in doctor.help
