"""The demo has a course of its own, and the course it lies in stays as it is."""

import shutil

import pytest
from traitlets.config.loader import PyFileConfigLoader

from autograder.course.configuration import course_config, course_limits
from autograder.course.demo_class import make_class
from autograder.course.demo_course import make_demo_course, remove_demo
from autograder.course.files import Assignment, Course, find_course
from autograder.course.notebooks import build, stale
from autograder.errors import CourseError
from shared.commands import run_forked

ELSEWHERE = """
c.CourseDirectory.db_url = "postgresql://class.example/gradebook"
c.CourseDirectory.root = "/srv/course"
c.CourseDirectory.submitted_directory = "/srv/handed-in"
c.CourseDirectory.feedback_directory = "/srv/feedback"
c.Exchange.root = "/srv/nbgrader/exchange"
c.Limits.call_wall_s = 3
"""


def files(root):
    """What lies in a folder, with its times, but for the demo."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and "demo" not in path.relative_to(root).parts
    }


def test_it_is_a_course_that_holds_together_and_builds_the_same(toy_copy):
    before = files(toy_copy.course.root)
    copy = make_demo_course(toy_copy)
    make_class(copy)
    assert find_course(copy.course.submitted) == copy.course
    assert copy.course.root == toy_copy.course.root / "demo"
    assert stale(copy) == []
    assert files(toy_copy.course.root) == before
    assert toy_copy.course.assignments() == [toy_copy]


def test_a_class_that_is_there_is_no_hindrance_and_is_not_mixed_with_it(toy_copy, handed_in):
    handed_in("uxada")
    copy = make_demo_course(toy_copy)
    assert len(make_class(copy)) == 15
    assert [one.name for one in toy_copy.course.submitted.iterdir()] == ["uxada"]
    assert not (copy.course.submitted / "uxada").exists()


def test_whatever_the_course_says_of_where_to_write_the_demo_writes_in_its_folder(toy_copy):
    with toy_copy.course.config.open("a") as file:
        file.write(ELSEWHERE)
    copy = make_demo_course(toy_copy)
    ours, whole = course_config(copy.course), course_config(toy_copy.course)
    assert "/srv" not in str(ours)
    assert "class.example" not in str(ours)
    assert ours.CourseDirectory.db_url == f"sqlite:///{copy.course.root / 'gradebook.db'}"
    assert ours.CourseDirectory.course_id != whole.CourseDirectory.course_id
    # All else is as the course has it, the box in place of a kernel above all.
    assert ours.Autograde == whole.Autograde
    assert course_limits(copy.course).call_wall_s == 3


def test_nbgrader_itself_reads_the_same(toy_copy):
    copy = make_demo_course(toy_copy)
    read = PyFileConfigLoader("nbgrader_config.py", path=str(copy.course.root)).load_config()
    assert read == course_config(copy.course)


def test_a_demo_away_from_its_course_has_no_configuration_instead_of_one_without_a_box(
    toy_copy, tmp_path
):
    moved = tmp_path / "moved"
    make_demo_course(toy_copy).course.root.rename(moved)
    with pytest.raises(CourseError, match="a demo lies in its course's folder"):
        course_config(Course(moved))


def test_a_second_time_writes_nothing_again(toy_copy):
    make_class(make_demo_course(toy_copy))
    demo = Course(toy_copy.course.root / "demo")
    (demo.root / "gradebook.db").write_text("entered")
    before = files(demo.root)
    make_class(make_demo_course(toy_copy))
    after = files(demo.root)
    assert after.pop(demo.config)[0] == before.pop(demo.config)[0]
    assert after == before


def test_what_was_edited_is_copied_and_other_cells_start_the_demo_afresh(toy_copy):
    copy = make_demo_course(toy_copy)
    gradebook = copy.course.root / "gradebook.db"
    gradebook.write_text("knows the cells")
    with toy_copy.hidden_tests.open("a") as file:
        file.write("# Edited.\n")
    make_demo_course(toy_copy)
    assert copy.hidden_tests.read_text().endswith("# Edited.\n")
    assert gradebook.exists()
    toy_copy.master.write_text(toy_copy.master.read_text().replace("The second one", "This one"))
    build(toy_copy)
    make_demo_course(toy_copy)
    assert not gradebook.exists()
    assert stale(copy) == []


def test_it_is_removed_and_nothing_else_is(toy_copy):
    before = files(toy_copy.course.root)
    make_class(make_demo_course(toy_copy))
    assert remove_demo(toy_copy.course) == toy_copy.course.root / "demo"
    assert not (toy_copy.course.root / "demo").exists()
    assert remove_demo(toy_copy.course) is None
    assert files(toy_copy.course.root) == before


def somebodys_folder(root):
    (root / "demo").mkdir()
    (root / "demo" / "slides.md").write_text("mine")


def another_course(root):
    (root / "demo").mkdir()
    shutil.copy(root / "nbgrader_config.py", root / "demo")


def link_to_a_demo(root):
    make_demo_course(find_course(root).assignment("toy"))
    (root / "demo").rename(root.parent / "elsewhere")
    (root / "demo").symlink_to(root.parent / "elsewhere")


def plain_file(root):
    (root / "demo").write_text("mine")


@pytest.mark.parametrize("lies", [somebodys_folder, another_course, link_to_a_demo, plain_file])
def test_what_is_no_demo_of_ours_is_neither_written_to_nor_removed(toy_copy, lies):
    lies(toy_copy.course.root)
    with pytest.raises(CourseError, match="is no demo: move it away"):
        make_demo_course(toy_copy)
    with pytest.raises(CourseError, match="is no demo: move it away"):
        remove_demo(toy_copy.course)
    assert (toy_copy.course.root / "demo").exists()


def test_a_demo_has_no_demo(toy_copy):
    with pytest.raises(CourseError, match="is a demo: go to the course it lies in"):
        make_demo_course(make_demo_course(toy_copy))


def test_what_is_not_built_makes_no_demo(toy_copy):
    toy_copy.release_notebook.unlink()
    with pytest.raises(CourseError, match="run `autograder build toy`"):
        make_demo_course(toy_copy)
    assert not (toy_copy.course.root / "demo").exists()


def test_the_command_says_where_the_class_is_and_what_to_type(toy_copy):
    root = toy_copy.course.root
    made = run_forked(root, "autograder", "demo", "toy")
    assert made.returncode == 0, made.stderr
    assert f"15 made-up students in {root}/demo/submitted" in made.stdout
    assert "autograder --course demo grade toy" in made.stdout
    removed = run_forked(root, "autograder", "demo", "--remove")
    assert removed.stdout == f"removed: {root}/demo\n"
    assert "there is no demo" in run_forked(root, "autograder", "demo", "--remove").stdout


@pytest.mark.parametrize("words", [(), ("toy", "--remove")])
def test_the_command_wants_one_of_the_two(toy_copy, words):
    asked = run_forked(toy_copy.course.root, "autograder", "demo", *words)
    assert asked.returncode == 2
    assert "name an assignment, or give --remove" in asked.stderr
    assert not (toy_copy.course.root / "demo").exists()


@pytest.mark.parametrize("name", ["nowhere", "../toy", "toy/.."])
def test_another_name_is_one_line(toy_copy, name):
    asked = run_forked(toy_copy.course.root, "autograder", "demo", name)
    assert asked.returncode == 2
    assert asked.stderr.count("\n") == 1
    assert Assignment(toy_copy.course, "toy").release_notebook.is_file()
