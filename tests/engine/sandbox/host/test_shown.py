"""What the box shows is enough: for what honest notebooks do, and wherever Python was installed."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder.sandbox.host import shown as shown_module
from autograder.sandbox.host.box import Box
from autograder.sandbox.host.session import Session
from autograder.sandbox.host.shown import Link, Shown, lies_in, shown
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

ROOT = Path(__file__).parents[4]
VERSION = Path(os.__file__).parent.name

HONEST = {
    "fonts and mathtext": (
        "import matplotlib.pyplot as plt\n"
        "figure, axes = plt.subplots()\n"
        "axes.set_title(r'$\\int_0^1 x^2\\,dx$')\n"
        "for family in ('serif', 'sans-serif', 'monospace'):\n"
        "    axes.text(0, 0, 'ä', family=family)\n"
        "figure.savefig('picture.png'); plt.close(figure); print('drawn')",
        "drawn\n",
    ),
    "a program of the system": ("!ls -d /usr/bin", "/usr/bin\r\n"),
    # Debian's `which` is a link through /etc/alternatives, as its linear algebra is.
    "a program by an alternative": (
        "import os\nfor name in os.listdir('/etc/alternatives')[:3]:\n"
        "    os.readlink('/etc/alternatives/' + name)\nprint('read')",
        "read\n",
    ),
    "Python by a shell": ("!python -c 'print(6 * 7)'", "42\r\n"),
    "Python by itself": (
        "import subprocess, sys\n"
        "words = [sys.executable, '-c', 'import numpy; print(numpy.ones(2).sum())']\n"
        "print(subprocess.run(words, capture_output=True, text=True).stdout)",
        "2.0\n\n",
    ),
    "pip": (
        "import subprocess, sys\n"
        "words = [sys.executable, '-m', 'pip', 'list']\n"
        "print('numpy' in subprocess.run(words, capture_output=True, text=True).stdout)",
        "True\n",
    ),
    "libraries of C": (
        "import bz2, ctypes, hashlib, lzma, sqlite3, ssl, zlib\n"
        "print(sqlite3.connect(':memory:').execute('select 1').fetchone())",
        "(1,)\n",
    ),
    "the language of the machine": (
        "import locale\nprint(locale.setlocale(locale.LC_ALL, ''))",
        "C.UTF-8\n",
    ),
    "time zones": (
        "import datetime, zoneinfo\n"
        "noon = datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))\n"
        "print(noon.utcoffset())",
        "2:00:00\n",
    ),
}


@pytest.fixture(scope="module")
def printed():
    """What the honest cells printed, all in one submission."""
    with Box(Isolation.BOX, None) as box:
        cells = [(number, source) for number, (source, _) in enumerate(HONEST.values())]
        submission = Session(box, cells, Limits(), [])
        submission.run_cells()
        submission.close()
    return {
        name: "".join(
            output.get("text", "") + output.get("evalue", "")
            for output in submission.runs[number].outputs
        )
        for number, name in enumerate(HONEST)
    }


@pytest.mark.box
@pytest.mark.parametrize("name", HONEST)
def test_what_honest_notebooks_do_works(printed, name):
    assert printed[name].replace("\r\n", "\n") == HONEST[name][1].replace("\r\n", "\n")


# Opens a sandbox by the interpreter that runs this, and runs that interpreter in it.
OPENS = """
import subprocess, sys
from autograder.sandbox.host.bubblewrap import bubblewrap_command, python_in
from autograder.sandbox.isolation import Isolation
inside = '''
import bz2, ctypes, hashlib, json, lzma, sqlite3, ssl, subprocess, sys, unittest, zlib
import autograder.sandbox.limits
try:
    import a_package
except ImportError:
    pass
words = [sys.executable, "-c", "import json, a_package; print(a_package.__name__)"]
print(subprocess.run(words, capture_output=True, text=True).stdout.strip())
print(sys.prefix, subprocess.run(["python3", "-V"], capture_output=True, text=True).stdout.strip())
'''
done = subprocess.run(
    [*bubblewrap_command(None), python_in(Isolation.BOX), "-c", inside],
    capture_output=True, text=True,
)
print(done.stdout + done.stderr)
"""


def opened_by(interpreter):
    """Return what the interpreter says of itself in a sandbox that it opens."""
    done = subprocess.run(
        [interpreter, "-c", OPENS],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": os.environ["HOME"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture
def place():
    """A folder that is not below /tmp, where the box has a folder of its own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def add_package(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a_package.py").write_text("")


def link_or_copy(source, target):
    """Make a file another's copy, without one where that is possible."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def movable_python():
    """Return a Python that can be copied elsewhere, and its libraries, or skip the test."""
    for name in (Path(sys.executable).resolve(), Path("/usr/bin/python3").resolve()):
        said = subprocess.run(["ldd", name], capture_output=True, text=True, check=False).stdout
        libraries = name.parents[1] / "lib" / name.name
        if libraries.is_dir() and "libpython" not in said:
            return name, libraries
    pytest.skip("each Python here finds its own library in one place only")


def install_python(folder):
    """Install a Python anew in a folder of its own, as conda, uv and pyenv do."""
    interpreter, libraries = movable_python()
    shutil.copytree(
        libraries,
        folder / "lib" / libraries.name,
        copy_function=link_or_copy,
        ignore=shutil.ignore_patterns("site-packages", "dist-packages", "test", "__pycache__"),
        symlinks=True,
    )
    add_package(folder / "lib" / libraries.name)
    (folder / "bin").mkdir()
    shutil.copy2(interpreter, folder / "bin" / interpreter.name)
    (folder / "bin" / "python3").symlink_to(interpreter.name)
    (folder / "share").mkdir()
    return folder / "bin" / "python3"


@pytest.mark.box
@pytest.mark.parametrize("options", [(), ("--copies",), ("--system-site-packages",)])
def test_an_environment_opens_a_box(place, options):
    make = [sys.executable, "-m", "venv", "--without-pip", *options, place / "made"]
    subprocess.run(make, check=True)
    add_package(place / "made" / "lib" / VERSION / "site-packages")
    said = opened_by(place / "made" / "bin" / "python")
    assert said == ["a_package", "/environment", "Python", sys.version.split()[0]]


@pytest.mark.box
@pytest.mark.slow
def test_a_python_in_a_folder_of_its_own_opens_a_box(place):
    said = opened_by(install_python(place / "python-3"))
    assert said[:2] == ["a_package", str(place / "python-3")]
    # Named by a link to its folder, as uv and pyenv name the newest of a minor version.
    (place / "python").symlink_to("python-3")
    linked = place / "python" / "bin" / "python3"
    assert opened_by(linked)[0] == "a_package"
    subprocess.run([linked, "-m", "venv", "--without-pip", place / "made"], check=True)
    assert opened_by(place / "made" / "bin" / "python")[:2] == ["a_package", "/environment"]


@pytest.mark.box
def test_the_systems_own_python_opens_a_box():
    if not Path("/usr/bin/python3").exists():
        pytest.skip("the system has no Python")
    version = subprocess.check_output(["/usr/bin/python3", "-V"], text=True).split()[1]
    if tuple(map(int, version.split(".")[:2])) < (3, 11):
        pytest.skip("the system's Python is too old")
    assert opened_by("/usr/bin/python3")[-3:] == ["/usr", "Python", version]


def test_of_a_python_only_libraries_and_interpreters_are_shown(place, monkeypatch):
    interpreter = install_python(place)
    (place / "bin" / "pip3").write_text("")
    (place / "bin" / "backup-of-everything").write_text("")
    for name in ("prefix", "base_prefix", "base_exec_prefix"):
        monkeypatch.setattr(sys, name, str(place))
    monkeypatch.setattr(sys, "executable", str(interpreter))
    own = {
        Path(one.target).relative_to(place).as_posix()
        for one in shown(None)
        if place in Path(one.target).parents
    }
    python = f"bin/{interpreter.resolve().name}"
    assert own == {"lib", python, "bin/python3", "bin/pip3"}


def test_all_that_is_shown_stands_once_and_every_link_leads_to_it():
    things = shown(None)
    targets = [one.target for one in things]
    assert len(targets) == len(set(targets))
    whole = [one.target for one in things if isinstance(one, Shown)]
    for one in things:
        if isinstance(one, Link):
            assert any(lies_in(one.leads_to, target) for target in whole), one
        with contextlib.suppress(AttributeError):
            assert one.source == one.source.resolve()


def test_nothing_of_usr_is_shown_whole_but_what_is_named():
    things = [one for one in shown(None) if isinstance(one, Shown)]
    for one in things:
        for folder in ("/usr", "/usr/local", "/usr/share", "/usr/src", "/usr/include", "/etc"):
            assert not lies_in(folder, one.source), one
    assert set(shown_module.HIDDEN) == {"/usr/lib/debug"}
