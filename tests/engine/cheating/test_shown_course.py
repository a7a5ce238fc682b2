"""Nothing that is a course's or a person's own may lie in what the box shows; else no box opens."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.errors import IsolationError
from autograder.grading.exposed_course import course_private, refuse_exposed_course
from autograder.sandbox.host import exposed as exposed_module
from autograder.sandbox.host import shown as shown_module
from autograder.sandbox.host.bubblewrap import bubblewrap_command
from autograder.sandbox.host.exposed import always_private, exposed
from autograder.sandbox.host.shown import DATA_IN_BOX, Shown, shown

pytestmark = pytest.mark.box

is_root = pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course that has nothing but its folders; temporary files lie elsewhere."""
    root = tmp_path / "courses" / "one"
    for name in ("data", "solutions", "tests", "submitted"):
        (root / name).mkdir(parents=True)
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return find_course(root)


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder of libraries, shown as the system's are."""
    folder = tmp_path / "libraries"
    folder.mkdir()
    monkeypatch.setattr(shown_module, "_SYSTEM", (*shown_module._SYSTEM, str(folder)))
    return folder


def configure(course, line):
    course.config.write_text(f"c = get_config()\n{line}\n")


def test_a_course_beside_all_that_is_shown_is_graded(course):
    refuse_exposed_course(course)
    assert str(course.data) in bubblewrap_command(course.data)


# What may lie in a folder that is shown: by name, how to put it there.
def _home(course, there, patch):
    patch.setenv("HOME", str(there))


def _home_of_the_user(course, there, patch):
    patch.setattr(exposed_module, "_home_of_user", lambda: str(there))


def _temporary(course, there, patch):
    patch.setattr(tempfile, "tempdir", str(there))


def _gradebook(course, there, patch):
    configure(course, f'c.CourseDirectory.db_url = "sqlite:///{there}/grades.db"')


def _gradebook_as_uri(course, there, patch):
    url = f"sqlite+pysqlite:///file:{there}/grades.db?uri=true"
    configure(course, f'c.CourseDirectory.db_url = "{url}"')


def _exchange(course, there, patch):
    configure(course, f'c.Exchange.root = "{there}"')


def _submitted_elsewhere(course, there, patch):
    (there / "handed_in").mkdir()
    configure(course, f'c.CourseDirectory.submitted_directory = "{there}/handed_in"')


def _linked(name):
    def put(course, there, patch):
        path = course.root / name
        if path.exists():
            path.rmdir()
        (there / name).mkdir()
        path.symlink_to(there / name)

    return put


PLACED = {
    "a home": (_home, "the home folder"),
    "the user's home": (_home_of_the_user, "the home folder"),
    "temporary files": (_temporary, "the folder for temporary files"),
    "the gradebook": (_gradebook, "the gradebook"),
    "the gradebook by another URL": (_gradebook_as_uri, "the gradebook"),
    "nbgrader's exchange": (_exchange, "nbgrader's exchange"),
    "submissions by configuration": (_submitted_elsewhere, "the course's .*handed_in"),
    **{f"linked {n}": (_linked(n), f"the course's {n}") for n in ("solutions", "tests", "results")},
    "linked submissions": (_linked("submitted"), "the course's submitted"),
}


@pytest.mark.parametrize("name", PLACED)
@pytest.mark.parametrize("within", [".", "deep/within"])
def test_what_lies_in_a_folder_that_is_shown_is_refused(course, library, monkeypatch, name, within):
    put, what = PLACED[name]
    there = library / within
    there.mkdir(parents=True, exist_ok=True)
    put(course, there, monkeypatch)
    with pytest.raises(IsolationError, match=f"^{what} .* which the sandbox shows .*: move it"):
        refuse_exposed_course(course)


def test_a_course_in_a_folder_that_is_shown_is_refused_whoever_opens_the_box(
    course, library, tmp_path
):
    (tmp_path / "link").symlink_to(library)
    shutil.copytree(course.root, library / "course")
    for root in (library / "course", tmp_path / "link" / "course"):
        with pytest.raises(IsolationError, match=r"^the course .*/libraries/course lies in"):
            bubblewrap_command(root / "data")


def test_the_folder_of_a_notebook_counts_links_resolved(course, library, tmp_path):
    notebook = library / "ada.ipynb"
    notebook.write_text("{}")
    (tmp_path / "ada.ipynb").symlink_to(notebook)
    (tmp_path / "bob.ipynb").write_text("{}")
    refuse_exposed_course(course, [tmp_path / "bob.ipynb"])
    with pytest.raises(IsolationError, match="the folder of a submitted notebook"):
        refuse_exposed_course(course, [tmp_path / "ada.ipynb"])


@pytest.mark.parametrize("name", ["solutions", "submitted", "tests", "."])
def test_a_folder_that_is_shown_may_not_lie_in_the_courses_own(course, monkeypatch, name):
    library = course.root / name / "libraries"
    library.mkdir()
    monkeypatch.setattr(shown_module, "_SYSTEM", (*shown_module._SYSTEM, str(library)))
    with pytest.raises(IsolationError, match="which the sandbox shows to student code"):
        refuse_exposed_course(course)


def environment_at(folder, monkeypatch, copies=False):
    """Let this interpreter take itself for one of a virtual environment there."""
    packages = folder / "lib" / Path(os.__file__).parent.name / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    interpreter = folder / "bin" / "python"
    if copies:
        shutil.copy(Path(sys.executable).resolve(), interpreter)
    else:
        interpreter.symlink_to(Path(sys.executable).resolve())
    (folder / "pyvenv.cfg").write_text("home = elsewhere\n")
    monkeypatch.setattr(sys, "prefix", str(folder))
    monkeypatch.setattr(sys, "executable", str(interpreter))


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("name", [".venv", "."])
def test_an_environment_in_the_course_shows_its_packages_and_interpreter(
    course, monkeypatch, name, copies
):
    environment_at(course.root / name, monkeypatch, copies)
    (course.root / name / "lib" / "libtorch_of_a_wheel.so.1").write_text("")
    (course.root / name / "lib" / "answers.py").write_text("")
    refuse_exposed_course(course)
    own = {
        one.source.relative_to(course.root / name).as_posix()
        for one in shown(course.data)
        if isinstance(one, Shown)
        and one.target != DATA_IN_BOX
        and course.root in one.source.parents
    }
    packages = f"lib/{Path(os.__file__).parent.name}"
    copied = {"bin/python"} if copies else set()
    assert own == {packages, "lib/libtorch_of_a_wheel.so.1", "pyvenv.cfg"} | copied


def test_a_whole_python_in_the_courses_own_folder_is_refused(course, monkeypatch):
    """Its `lib` is shown whole, and may hold what is the course's."""
    (course.root / "lib").mkdir()
    # Where this test lies, the box has a folder of its own.
    monkeypatch.setattr(shown_module, "_RESERVED", ())
    for name in ("prefix", "base_prefix", "base_exec_prefix"):
        monkeypatch.setattr(sys, name, str(course.root))
    with pytest.raises(IsolationError, match=r"in a folder of its own \(\.venv\)"):
        bubblewrap_command(course.data)


@pytest.mark.parametrize("root", ["/", "/tmp", "/usr/src/app", "/srv/course"])
def test_a_course_may_lie_where_nothing_of_it_is_shown(root):
    assert exposed(shown(None), always_private(Path(root, "data"))) == {}


@pytest.mark.parametrize("root", ["/usr", "/usr/local", "/usr/lib/course", "/bin/course", "/etc"])
def test_a_course_may_not_lie_around_or_in_the_systems_libraries(root):
    (found,) = exposed(shown(None), always_private(Path(root, "data")))
    assert found.what == "the course"


def test_a_python_where_the_box_has_its_own_is_refused(course, monkeypatch):
    base = Path("/dev/shm") / f"python-{os.getpid()}"
    (base / "lib").mkdir(parents=True)
    try:
        monkeypatch.setattr(sys, "base_prefix", str(base))
        with pytest.raises(IsolationError, match="the sandbox has a /dev of its own"):
            bubblewrap_command(course.data)
    finally:
        shutil.rmtree(base)


@pytest.mark.parametrize("leads_to", ["solutions", ".", "..", "submitted"])
def test_data_that_is_a_link_to_more_of_the_course_is_refused(course, leads_to):
    course.data.rmdir()
    course.data.symlink_to(leads_to)
    with pytest.raises(IsolationError):
        bubblewrap_command(course.data)


def test_data_that_is_a_link_to_a_home_is_refused(course, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    course.data.rmdir()
    course.data.symlink_to(tmp_path / "home")
    with pytest.raises(IsolationError, match="the home folder"):
        bubblewrap_command(course.data)


def test_data_on_another_disk_is_shown(course, tmp_path):
    (tmp_path / "disk" / "sets").mkdir(parents=True)
    course.data.rmdir()
    course.data.symlink_to(tmp_path / "disk" / "sets")
    refuse_exposed_course(course)
    assert Shown((tmp_path / "disk" / "sets").resolve(), DATA_IN_BOX) in shown(course.data)


def test_pipes_and_sockets_among_the_data_are_refused(course):
    (course.data / "deep").mkdir()
    os.mkfifo(course.data / "deep" / "pipe")
    with pytest.raises(IsolationError, match="pipe is neither a file nor a folder"):
        bubblewrap_command(course.data)


@is_root
def test_another_name_for_the_same_folder_hides_nothing(course, library, tmp_path):
    """A bind mount gives a folder a second name, which no link tells of."""
    (library / "mounted").mkdir()
    probe = (
        "import sys; from pathlib import Path\n"
        "from autograder.course.files import find_course\n"
        "from autograder.grading.exposed_course import refuse_exposed_course\n"
        "from autograder.sandbox.host import shown\n"
        f"shown._SYSTEM = (*shown._SYSTEM, {str(library)!r})\n"
        "refuse_exposed_course(find_course(Path(sys.argv[1])))\n"
    )
    for source in (course.root, course.root / "solutions", course.root.parent):
        script = (
            f"mount --bind '{source}' '{library}/mounted'; "
            f"exec '{sys.executable}' -c \"$1\" '{course.root}'"
        )
        done = in_own_mounts(script, probe)
        assert "IsolationError" in done.stderr, (source, done.stderr)
        assert f"lies in {library}/mounted, which the sandbox shows" in done.stderr


def in_own_mounts(script, *words):
    """Run a shell script as root with mounts that nobody else sees."""
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_all_that_is_a_courses_own_is_looked_at(course):
    looked_at = {one.path for one in course_private(course)}
    assert {course.root, course.submitted, course.root / "solutions", Path.home()} <= looked_at
    assert {course.root / "gradebook.db", Path(tempfile.gettempdir())} <= looked_at
    assert exposed(shown(course.data), course_private(course)) == {}
