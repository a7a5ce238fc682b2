"""What student code finds of this machine when it looks around: libraries and programs, no more."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox.host.shown import shown

pytestmark = pytest.mark.box

# Made by the box itself, beside what it shows.
OWN = {"/dev", "/proc", "/tmp", "/engine", "/environment", "/course-data"}


def test_no_folder_has_more_in_it_than_is_shown(attack, toy):
    """Every folder from the root on, down to those that are shown whole."""
    targets = {one.target for one in shown(toy.course.data)}
    above = {str(parent) for target in targets for parent in Path(target).parents}
    attacked = attack(
        first=f"""
        import os
        for folder in {sorted(above)}:
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if path not in {sorted(targets | above | OWN)}:
                    print("SEEN", path)
        print("looked")
        """
    )
    assert attacked.printed == "looked\n"


HIDDEN = ("/usr/src", "/usr/include", "/usr/games", "/usr/share/doc", "/usr/local/src")
HIDDEN += ("/usr/local/etc", "/usr/local/games", "/usr/local/share/nbgrader", "/usr/lib/debug/usr")


def test_what_no_notebook_needs_of_the_system_is_not_there(attack):
    assert any(map(os.path.exists, HIDDEN))
    attacked = attack(
        first=f"""
        import os
        print([path for path in {HIDDEN} if os.path.lexists(path)])
        """
    )
    assert attacked.printed == "[]\n"


def test_the_environment_holds_packages_and_an_interpreter(attack):
    if sys.prefix == sys.base_prefix:
        pytest.skip("this Python is in no virtual environment")
    attacked = attack(
        first="""
        import os, sys
        print(sorted(os.listdir(sys.prefix)), sorted(os.listdir(sys.prefix + "/bin")))
        print(sorted(os.listdir(sys.base_prefix)))
        """
    )
    inside, base = attacked.printed.splitlines()
    assert set(inside.translate(str.maketrans("[]',", "    ")).split()) <= {
        *("bin", "lib", "lib64", "pyvenv.cfg", "python", "python3", Path(sys.executable).name),
        f"python3.{sys.version_info.minor}",
    }
    if not sys.base_prefix.startswith("/usr"):
        assert set(json.loads(base.replace("'", '"'))) <= {"bin", "lib", "lib64", "share"}


def test_hidden_folders_cannot_be_written_to(attack):
    """They are empty file systems: together, submissions could use them as a letter box."""
    attacked = attack(
        first="""
        import os
        for folder in ("/", "/usr", "/usr/lib/debug", "/usr/local", "/etc", "/environment/bin"):
            try:
                open(os.path.join(folder, "letter"), "w").close()
                print("WRITTEN", folder)
            except OSError:
                pass
        print("tried")
        """
    )
    assert attacked.printed == "tried\n"


# Grades what it reads, in the course it is started in, and prints what the cells printed.
GRADES = """
import sys
from pathlib import Path
from autograder.course.files import find_course
from autograder.grading.submission import Grader
from autograder.sandbox.isolation import Isolation
with Grader.of(find_course(Path.cwd()).assignment("toy"), Isolation.BOX) as grader:
    result = grader.grade_bytes(sys.stdin.buffer.read(), "ada", "toy.ipynb")
for cell in result.cells:
    print(*(output.get("text", "") for output in cell.outputs), sep="", end="")
print("scored", result.score, result.extra_credit)
"""
LOOKS = """
import os
told = ("nbgrader_config.py", "gradebook.db", "toy.py", "test_toy.py", "toy.md", "toy.ipynb")
for parent, folders, files in os.walk("/"):
    if parent in ("/", "/usr"):
        folders[:] = [one for one in folders if one not in ("proc", "sys", "dev", "lib")]
    # What packages bring along: nbgrader has a gradebook among its tests.
    folders[:] = [one for one in folders if one != "site-packages"]
    for name in (*folders, *files):
        if name in told:
            print("SEEN", os.path.join(parent, name))
print("looked")
"""
LOOKED = "looked\nscored 9.0 1.0\n"


def graded(command, folder, content):
    """Run `GRADES` by a command, in a course; return what it printed."""
    done = subprocess.run(
        [*command, "-c", GRADES], cwd=folder, input=content, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def looking(submit, references):
    """A right notebook that looks around."""
    return submit(square=f"{LOOKS}\n{references['square']}")


@pytest.mark.slow
def test_an_environment_made_in_the_courses_own_folder_shows_nothing_of_it(toy_copy, looking):
    """`python3 -m venv .`, and all of the course around it."""
    root = toy_copy.course.root
    make_environment(root)
    (root / "gradebook.db").touch()
    assert graded([root / "bin" / "python"], root, looking) == LOOKED


def make_environment(root):
    """Make a virtual environment whose packages are this one's, without copying them."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    packages = root / "lib" / Path(os.__file__).parent.name
    shutil.rmtree(packages)
    packages.symlink_to(Path(sys.prefix, "lib", packages.name))


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root mounts")
def test_a_course_in_usr_src_as_in_a_container_is_graded_and_not_seen(toy_copy, looking):
    script = (
        "mount -t tmpfs tmpfs /usr/src; cp -r . /usr/src/app; cd /usr/src/app; "
        f"exec '{sys.executable}' \"$@\""
    )
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"]
    assert graded(command, toy_copy.course.root, looking) == LOOKED


@pytest.mark.slow
def test_links_among_the_data_lead_to_nothing_of_the_course(toy_copy, submit, references):
    data = toy_copy.course.data
    (data / "answers.py").symlink_to(toy_copy.solutions)
    (data / "relative").symlink_to("../tests")
    (data / "root").symlink_to("/")
    names = ("answers.py", "relative", "root/etc/shadow", "../tests", "../solutions", "root/srv")
    reads = f"""
import os
for name in {names}:
    path = "/course-data/" + name
    try:
        print("SEEN", path, os.listdir(path) if os.path.isdir(path) else open(path).read(1))
    except OSError:
        print("nothing")
"""
    content = submit(square=f"{reads}\n{references['square']}")
    printed = graded([sys.executable], toy_copy.course.root, content)
    assert printed == "nothing\n" * len(names) + "scored 9.0 1.0\n"
