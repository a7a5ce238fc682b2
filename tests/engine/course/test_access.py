"""`autograder doctor` on who else can read a course: by every folder's permissions."""

import grp
import os
import pwd
from types import SimpleNamespace

import pytest

from autograder.course import access
from autograder.course.access import _Look, examine_access


@pytest.fixture
def course(toy_copy, tmp_path, monkeypatch):
    """A course that anybody can read, below folders that anybody can enter."""
    above = frozenset((tmp_path, *tmp_path.parents))
    others = _Look.others
    # pytest's own folders are closed to others.
    monkeypatch.setattr(
        _Look, "others", lambda look, path: 0o5 if path in above else others(look, path)
    )
    root = toy_copy.course.root
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    no_exchange(toy_copy.course, tmp_path / "exchange")
    return toy_copy.course


def no_exchange(course, root):
    course.config.write_text(f"{course.config.read_text()}\nc.Exchange.root = {str(root)!r}\n")


def wrong(course):
    return {one.mend: one for one in examine_access(course) if not one.good}


def test_a_course_that_all_can_read_is_closed_by_the_line_that_is_told(course):
    (mend, found), *more = wrong(course).items()
    assert (more, found.found) == ([], "open: solutions, source, tests")
    assert mend == f"chmod 700 {course.root}"
    course.root.chmod(0o700)
    assert wrong(course) == {}


def test_what_is_made_later_is_named_too(course):
    for name in ("submitted", "results", "collected", ".git"):
        (course.root / name).mkdir()
    (course.root / "gradebook.db").write_bytes(b"")
    (found,) = wrong(course).values()
    assert found.found == (
        "open: .git, collected, gradebook.db, results, solutions, source, submitted, tests"
    )
    (course.root / "gradebook.db").chmod(0o600)
    (found,) = wrong(course).values()
    assert "gradebook.db" not in found.found


def test_a_folder_above_that_is_closed_closes_it(course, tmp_path, monkeypatch):
    monkeypatch.setattr(_Look, "others", lambda _, path: 0 if path == tmp_path else 0o5)
    assert wrong(course) == {}


def test_a_gradebook_elsewhere_has_a_line_of_its_own(course, tmp_path):
    elsewhere = tmp_path / "grades.db"
    elsewhere.write_bytes(b"")
    elsewhere.chmod(0o644)
    line = f"c.CourseDirectory.db_url = 'sqlite:///{elsewhere}'"
    course.config.write_text(f"{course.config.read_text()}\n{line}\n")
    assert list(wrong(course)) == [f"chmod 700 {course.root}", f"chmod go-rwx {elsewhere}"]


def test_where_the_group_is_the_instructors_it_may_read_and_others_may_not(course):
    line = "c.CourseDirectory.groupshared = True"
    course.config.write_text(f"{course.config.read_text()}\n{line}\n")
    assert list(wrong(course)) == [f"chmod o-rwx {course.root}"]
    course.root.chmod(0o2770)
    assert wrong(course) == {}


@pytest.mark.parametrize("there", [True, False])
def test_it_must_be_mended_where_there_is_an_exchange(course, tmp_path, there):
    if there:
        (tmp_path / "exchange").mkdir()
    (found,) = wrong(course).values()
    assert found.needed is there


def test_a_folder_in_which_others_may_write(course):
    course.root.chmod(0o777)
    assert f"chmod go-w {course.root}" in wrong(course)
    course.root.chmod(0o1777)
    assert f"chmod go-w {course.root}" not in wrong(course)


# The group's name, its members, who is known to have it as first group; does it open a file of 640?
GROUPS = {
    "of the owner alone": ("jo", [], ["jo"], False),
    "of the owner, who is named, too": ("jo", ["jo"], ["jo"], False),
    "of the owner, whom no list of accounts has": ("jo", [], [], False),
    "with another member": ("jo", ["ada"], ["jo"], True),
    "the first of another user": ("jo", [], ["jo", "ada"], True),
    "everybody's, of which no list of accounts tells": ("users", [], [], True),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_group_is_somebody_else_unless_it_is_the_owners_alone(tmp_path, monkeypatch, case):
    name, members, firsts, is_others = GROUPS[case]
    users = [SimpleNamespace(pw_name=one, pw_gid=70001) for one in firsts]
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_name=name, gr_mem=members))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="jo"))
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    access._is_of_one.cache_clear()
    monkeypatch.setattr(
        type(tmp_path),
        "stat",
        lambda *_: os.stat_result((0o100640, *[0] * 3, 70000, 70001, *[0] * 4)),
    )
    try:
        assert bool(_Look().others(tmp_path) & 0o4) is is_others
        assert not _Look(is_shared=True).others(tmp_path)
    finally:
        access._is_of_one.cache_clear()


def test_a_group_without_a_name_is_others(monkeypatch):
    def unknown(_):
        raise KeyError

    monkeypatch.setattr(grp, "getgrgid", unknown)
    access._is_of_one.cache_clear()
    assert not access._is_of_one(70001, 70000)
    access._is_of_one.cache_clear()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_what_it_says_is_what_another_user_can_do(course, tmp_path):
    """The rule is set against the kernel's own: a child that has become nobody tries to read."""
    path = course.assignment("toy").solutions
    for mode, folder_mode in ((0o644, 0o755), (0o640, 0o755), (0o644, 0o750), (0o604, 0o701)):
        path.chmod(mode)
        path.parent.chmod(folder_mode)
        assert _Look().is_open(path) is nobody_can_read(path), (oct(mode), oct(folder_mode))


def nobody_can_read(path):
    folder = os.open(path.parent.parent, os.O_RDONLY)
    child = os.fork()
    if child == 0:
        try:
            os.fchdir(folder)
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            (os.open(f"{path.parent.name}/{path.name}", os.O_RDONLY))
        except OSError:
            os._exit(1)
        os._exit(0)
    os.close(folder)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
