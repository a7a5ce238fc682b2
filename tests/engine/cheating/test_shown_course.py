"""A course that lies in a folder which the box shows is refused: its hidden tests could be read."""

import sys

import pytest

from autograder.errors import IsolationError
from autograder.sandbox.host import bubblewrap
from autograder.sandbox.host.bubblewrap import bubblewrap_command, shown_folders

pytestmark = pytest.mark.box


@pytest.fixture
def data(tmp_path):
    """A course's data folder."""
    folder = tmp_path / "src" / "course" / "data"
    folder.mkdir(parents=True)
    return folder


def test_a_course_beside_all_that_is_shown_is_graded(data):
    assert str(data) in bubblewrap_command(data)


def test_a_course_in_a_folder_of_the_system_is_refused(data, monkeypatch):
    system = (*bubblewrap._SYSTEM, str(data.parents[1]).removeprefix("/"))
    monkeypatch.setattr(bubblewrap, "_SYSTEM", system)
    with pytest.raises(IsolationError, match=r"the course .*/src/course lies in .*/src, which"):
        bubblewrap_command(data)


@pytest.mark.parametrize("prefix", ["prefix", "base_prefix"])
def test_an_environment_made_in_the_courses_own_folder_is_refused(data, monkeypatch, prefix):
    monkeypatch.setattr(sys, prefix, str(data.parent))
    with pytest.raises(IsolationError, match="make it in a folder of its own"):
        bubblewrap_command(data)


def test_one_in_a_folder_of_its_own_within_the_course_is_not(data, monkeypatch):
    environment = data.parent / ".venv"
    environment.mkdir()
    monkeypatch.setattr(sys, "prefix", str(environment))
    assert bubblewrap_command(data)


def test_links_do_not_hide_it(data, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(data.parent)
    monkeypatch.setattr(sys, "prefix", str(data.parents[1]))
    with pytest.raises(IsolationError):
        bubblewrap_command(tmp_path / "link" / "data")


def test_what_is_shown_is_the_system_and_python():
    folders = {str(folder) for folder in shown_folders()}
    assert "/usr" in folders
    assert sys.prefix in folders
    assert "/" not in folders
