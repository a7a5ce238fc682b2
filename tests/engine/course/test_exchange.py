"""`autograder doctor` on nbgrader's exchange: what it says of each thing that may be wrong."""

import stat
from pathlib import Path

import pytest
from nbgrader.exchange.default import ExchangeReleaseAssignment
from nbgrader.exchange.default.release_feedback import ExchangeReleaseFeedback

from autograder.course import exchange
from autograder.course.configuration import course_config
from autograder.course.exchange import examine_exchange, exchange_root
from autograder.course.nbgrader_release import course_directory
from autograder.errors import CourseError


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(tmp_path, monkeypatch):
    """What stands in this user's or this machine's configuration is not the test's."""
    settings = tmp_path / "settings"
    settings.mkdir()
    monkeypatch.setattr("autograder.course.exchange.jupyter_config_path", lambda: [str(settings)])
    return settings


@pytest.fixture
def made(toy_copy, tmp_path):
    """An exchange as nbgrader makes it, where the course has released something."""
    root = tmp_path / "exchange"
    course = root / "genai-foundations"
    for name, mode in {"outbound": 0o755, "inbound": 0o2733, "feedback": 0o711}.items():
        (course / name).mkdir(parents=True)
        (course / name).chmod(mode)
    root.chmod(0o1777)
    configure(toy_copy, f"c.Exchange.root = {str(root)!r}")
    return root


@pytest.fixture
def open_parents(monkeypatch):
    """pytest's own folders are closed to others: look at none above the exchange."""

    class Alone(type(Path())):
        parents = ()

    monkeypatch.setattr(exchange, "Path", Alone)


def configure(assignment, line):
    config = assignment.course.config
    config.write_text(f"{config.read_text()}\n{line}\n")


def wrong(assignment):
    """What is not good, and the line that mends it."""
    return {one.what: one.mend for one in examine_exchange(assignment.course) if not one.good}


def test_where_there_is_none_students_get_zips(toy_copy, tmp_path):
    configure(toy_copy, f"c.Exchange.root = {str(tmp_path / 'none')!r}")
    (only,) = examine_exchange(toy_copy.course)
    assert not only.needed
    assert "no exchange" in only.found
    assert "autograder handout" in only.mend


@pytest.mark.usefixtures("open_parents")
def test_as_nbgrader_makes_it_all_is_well(toy_copy, made):
    assert wrong(toy_copy) == {}
    assert len(examine_exchange(toy_copy.course)) == 7


@pytest.mark.usefixtures("open_parents")
@pytest.mark.parametrize(
    ("name", "mode", "mend"),
    [
        (".", 0o755, "sudo chmod 1777 {root}"),
        (".", 0o770, "sudo chmod 1777 {root}"),
        (".", 0o777, "sudo chmod 1777 {root}"),
        ("genai-foundations/outbound", 0o700, "chmod 755 {path}"),
        ("genai-foundations/outbound", 0o757, "chmod 755 {path}"),
        ("genai-foundations/inbound", 0o755, "chmod 2733 {path}"),
        ("genai-foundations/inbound", 0o777, "chmod 2733 {path}"),
        ("genai-foundations/feedback", 0o700, "chmod 711 {path}"),
        ("genai-foundations/feedback", 0o755, "chmod 711 {path}"),
    ],
)
def test_each_wrong_mode_is_named_with_what_mends_it(toy_copy, made, name, mode, mend):
    path = made / name
    path.chmod(mode)
    assert list(wrong(toy_copy).values()) == [mend.format(root=made, path=path)]


@pytest.mark.usefixtures("open_parents")
def test_without_the_sticky_bit_all_works_but_a_student_could_move_a_course(toy_copy, made):
    made.chmod(0o777)
    (found,) = [one for one in examine_exchange(toy_copy.course) if not one.good]
    assert (found.what, found.needed) == ("no student can move a course away", False)


def test_a_folder_above_that_is_closed(toy_copy, made):
    closed = made.parent
    closed.chmod(0o700)
    assert wrong(toy_copy)["the exchange is open to everybody"] == f"sudo chmod a+x {closed}"


@pytest.mark.usefixtures("open_parents", "made")
@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("c.CourseDirectory.course_id = ''", "the course's name in the exchange"),
        ("c.CourseDirectory.course_id = 'a/b'", "the course's name in the exchange"),
        ("c.Exchange.timezone = 'Europe/Nowhere'", "times of submissions"),
        ("c.CourseDirectory.course_id = 'new'", "something is released"),
    ],
)
def test_each_wrong_setting_is_named(toy_copy, line, what):
    configure(toy_copy, line)
    assert list(wrong(toy_copy)) == [what]


@pytest.mark.usefixtures("open_parents", "made")
def test_a_course_of_another_user_in_the_exchange(toy_copy, monkeypatch):
    monkeypatch.setattr("autograder.course.exchange.os.getuid", lambda: 54321)
    (mend,) = wrong(toy_copy).values()
    assert "sudo chown -R 54321" in mend
    configure(toy_copy, "c.CourseDirectory.groupshared = True")
    assert wrong(toy_copy) == {}


def test_the_machines_configuration_counts_and_the_courses_wins(
    toy_copy, tmp_path, no_settings_of_this_machine
):
    own = toy_copy.course.config.read_text()
    settings = no_settings_of_this_machine / "nbgrader_config.py"
    settings.write_text("c = get_config()\nc.Exchange.root = '/of/the/machine'\n")
    assert str(exchange_root(toy_copy.course)) == "/of/the/machine"
    configure(toy_copy, "c.Exchange.root = '/of/the/course'")
    assert str(exchange_root(toy_copy.course)) == "/of/the/course"
    settings.rename(settings.with_suffix(".json"))
    settings.with_suffix(".json").write_text('{"Exchange": {"root": "/of/json"}}')
    toy_copy.course.config.write_text(own)
    assert str(exchange_root(toy_copy.course)) == "/of/json"


@pytest.mark.parametrize("text", ["1/0\n", "c = get_config(\n", "c.Exchange.root = undefined\n"])
def test_a_machines_configuration_that_does_not_run_is_one_line(
    toy_copy, no_settings_of_this_machine, text
):
    settings = no_settings_of_this_machine / "nbgrader_config.py"
    settings.write_text(text)
    with pytest.raises(CourseError, match=str(settings)) as caught:
        exchange_root(toy_copy.course)
    assert "\n" not in str(caught.value)


def test_the_modes_are_those_that_nbgrader_itself_makes(toy_copy, tmp_path):
    root = tmp_path / "made"
    configure(toy_copy, f"c.Exchange.root = {str(root)!r}")
    config = course_config(toy_copy.course)
    for kind in (ExchangeReleaseAssignment, ExchangeReleaseFeedback):
        kind(coursedir=course_directory(toy_copy, config), config=config).start()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in root.glob("*/*")}
    assert modes == {name: right for name, (right, *_) in exchange._FOLDERS.items()}
    assert stat.S_IMODE(root.stat().st_mode) & 0o777 == 0o777
