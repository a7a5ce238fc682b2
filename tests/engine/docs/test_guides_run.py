"""Every command that a guide shows runs as it is written, in the guide's own order.

Each page has a copy of the course to itself, with a class of two who handed in `a01_pca` and the
files that the guides name. What is not run stands in NOT_RUN with the reason.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.course.made_up import hand_in, made_up_notebook, notebook_bytes, read_release
from shared.shown_commands import ROOT, Shown, Written, in_blocks, pages, to_write

CHAPTERS = ("a01_pca", "a03_vae")
NOT_RUN = {
    r"make install|pip install|python3 -m venv|\.venv/bin/pip|conda |mamba ": "asks a network",
    r"make (test|quick)|pytest( tests/engine)?$": "this test is a part of it",
    r"make lab|jupyter (lab|server)|mkdocs serve": "a server: tests of their own start it",
    r"make demo": "docs/instructor.md has its commands one by one, and they run",
    r"autograder calibrate a01_pca$": "`make test` calibrates every chapter",
    r"make docs": "runs every chapter; test_site.py builds the site",
    r"make bench": "minutes to an hour, on a quiet machine",
    r"dask |.*--cluster|srun|sbatch|kubectl|export DASK": "needs other machines",
    r"sudo|apt-get|brew|wsl|docker|podman": "needs root, or another system",
    r"mypy": "a minute without its cache; `make test` runs it",
}
# Where it is no 0: a skeleton is to be filled in, a test to fail, a made-up class needs a person.
ENDS_WITH = {
    ("docs/instructor.md", "autograder check a01_pca"): [1, 0],
    # No feedback is released yet; nothing is left of whom the line before has removed.
    ("docs/exchange.md", "nbgrader fetch_feedback a01_pca"): [1],
    ("docs/privacy.md", "autograder forget jo --yes --exchange"): [2],
    ("docs/instructor.md", "autograder --course demo grade a01_pca"): [1],
    (
        "docs/instructor.md",
        "autograder demo a01_first && autograder --course demo grade a01_first",
    ): [1],
    ("docs/authoring.md", "pytest tests/hidden/test_a03_vae.py --answers kl_standard__no_half"): [
        1
    ],
    ("docs/authoring.md", "pytest tests/hidden/test_a03_vae.py --answers some.ipynb"): [1],
    # Somebody waits for a mark; one handed in by a download, and not by the exchange.
    ("docs/ta.md", "autograder marking a01_pca"): [1],
    ("docs/ta.md", "autograder feedback a01_pca --release"): [1],
}
# What the reader of a page has done before, by what it says.
BEFORE = {"docs/gradebook.md": "autograder grade a01_pca"}
SHOWN = {page: in_blocks(page) for page in pages() if page.name != "commands.md"}


def command_of(shown):
    """A command without its comment and its padding."""
    return re.sub(r"\s+", " ", shown.line.split(" #")[0]).strip()


def reason_not_to(shown):
    return next((why for what, why in NOT_RUN.items() if re.match(what, command_of(shown))), None)


RUN = {
    page: some
    for page, all_of_it in SHOWN.items()
    if (some := [one for one in all_of_it if reason_not_to(one) is None])
}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A copy of the course with two of its chapters, a class, and what the guides name."""
    root = tmp_path_factory.mktemp("guides") / "course"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if _is_copied(name) and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    course = find_course(root)
    for student, answers in (("jo", {}), ("ada", {"center": None})):
        path = hand_in(course.assignment("a01_pca"), student, _solved(course, "a01_pca", answers))
        # As `nbgrader collect` leaves it; feedback is released for these alone.
        (path.parent / "timestamp.txt").write_text("2026-01-09 12:00:00 UTC")
        (path.parent / "submission_secret.txt").write_text(f"{student}'s secret")
    _files_of_guides(root.parent / "beside", _solved(course, "a01_pca", {"project": None}))
    # What git ignores, ruff leaves alone.
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    return root


def _is_copied(name):
    chapter = re.search(r"\b(?:test_)?(a\d\d_\w+?)(?=\.|/)", name)
    return not name.startswith("tests/engine/") and (not chapter or chapter[1] in CHAPTERS)


def _solved(course, name, others):
    """A student's notebook with our answers, but for `others`."""
    assignment = course.assignment(name)
    answers = {**read_functions(assignment), **others}
    return notebook_bytes(made_up_notebook(read_release(assignment), answers))


def _files_of_guides(root, notebook):
    """What readers have beside the course, in a folder of its own; see `course`."""
    root.mkdir()
    (root / "some.ipynb").write_bytes(notebook)
    for name in ("folder-with-notebooks/mia.ipynb", "inbox/mia_attempt_2026-01-09_a01_pca.ipynb"):
        (root / name).parent.mkdir()
        (root / name).write_bytes(notebook)
    with zipfile.ZipFile(root / "submissions.zip", "w") as archive:
        archive.writestr("poemary_12346_67891_a01_pca.ipynb", notebook)
    (root / "roster.csv").write_text("id,first_name,last_name,email\nmary,Mary,S,m@x.org\n")
    (root / "canvas.csv").write_text(
        "Student,ID,SIS Login ID,Section,a01_pca (7)\n    Points Possible,,,,44\nJo,1,jo,A,\n"
        "Ada,2,ada,A,\nMary,12346,12346,A,\nMia,3,mia,A,\n"
    )
    (root / "worksheet.csv").write_text(
        "Identifier,Full name,Email address,Status,Grade\nParticipant 1,jo,jo@x.org,Submitted,\n"
        "Participant 2,ada,ada@x.org,Submitted,\nParticipant 3,12346,m@x.org,Submitted,\n"
        "Participant 4,mia,mia@x.org,Submitted,\n"
    )


@pytest.fixture
def exchange():
    """An exchange that is ready. Others get into it, as into no folder of pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o1777)
        yield folder


@pytest.fixture
def course(original, page, tmp_path, exchange):
    """A page's own copy of the course, set up as `make install` leaves it, with what it names."""
    root = tmp_path / "course"
    shutil.copytree(original, root)
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(f'\nc.Exchange.root = "{exchange}"\n')
    for path in (original.parent / "beside").iterdir():
        if path.name in page.read_text(encoding="utf-8"):
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, root / path.name)
    (root / ".venv").symlink_to(Path(sys.prefix))
    return root


def _faces(root):
    """The files into which `autograder new` writes."""
    return [
        path
        for folder in ("source", "solutions", "tests/hidden", "tests/answers")
        for path in (root / folder).glob("*.*")
        if path.suffix in {".md", ".py"}
    ]


class Reader:
    """Somebody who types a page's commands one after the other, in one shell."""

    def __init__(self, root):
        self.root = self.folder = root
        self.said = []
        self.before_new = {}

    def type(self, shown, expected):
        """Run a command where the last one left us; keep what it said if it ends otherwise."""
        if " new " in shown.line:
            self.before_new = {path: path.read_text() for path in _faces(self.root)}
        ends_in = self.root.parent / "folder"
        script = f"{self._here(shown.line)}\nended=$?\npwd >{ends_in}\nexit $ended"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.folder = Path(ends_in.read_text().strip())
        if done.returncode != expected:
            self.said.append(f"{shown} ended with {done.returncode}:\n{done.stdout[-3000:]}")

    def write(self, written):
        """Write a block in place of the skeleton that `autograder new` has put into its file."""
        path = self.root / written.path
        old, new = self.before_new[path], path.read_text()
        pairs = enumerate(zip(old, new, strict=False))
        start = next((place for place, (was, now) in pairs if was != now), len(old))
        path.write_text(new[:start] + written.text + old[start:])

    def _here(self, line):
        return line.replace("/path/to/other-course", str(self.root))

    def _environment(self):
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        # As tests of the Makefile do: what is installed here counts as ready.
        return {
            **os.environ,
            "PATH": path,
            "MAKEFLAGS": "--assume-old=.venv/.ready",
            "BROWSER": "true",
        }


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_guide_runs(page, course):
    reader = Reader(course)
    left = {}
    if before := BEFORE.get(RUN[page][0].page):
        reader.type(Shown("before", before), 0)
    for step in sorted([*RUN[page], *to_write(page)], key=lambda step: step.place):
        if isinstance(step, Written):
            reader.write(step)
            continue
        key = (step.page, command_of(step))
        codes = left.setdefault(key, list(ENDS_WITH.get(key, [])))
        reader.type(step, codes.pop(0) if codes else 0)
    assert not reader.said, "\n".join(reader.said)
