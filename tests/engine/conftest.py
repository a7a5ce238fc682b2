"""What the engine's tests share: a tiny course, built once, and one open box to grade it in."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

import autograder.lean_start  # noqa: F401  Before anything that is slow to import.
from autograder.course.files import find_course
from autograder.course.functions import read_functions
from autograder.course.made_up import hand_in, made_up_notebook, read_release
from autograder.course.notebooks import build
from autograder.sandbox.isolation import Isolation
from autograder.sandbox.limits import Limits

TOY_COURSE = Path(__file__).parent / "toy_course"
SHORT_LIMITS = Limits(
    call_wall_s=1.5, cell_wall_s=3, memory_mb=300, submission_wall_s=60, notebook_mb=4
)
CHROMIUM_OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,1600",
]


def pytest_collection_modifyitems(items):
    """Begin with the files of most slow tests: at the end no worker is left alone with one."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """The toy course's one assignment, built in a folder of its own."""
    root = tmp_path_factory.mktemp("course") / "toy_course"
    shutil.copytree(TOY_COURSE, root)
    assignment = find_course(root).assignment("toy")
    build(assignment)
    return assignment


@pytest.fixture(scope="session")
def grader(toy):
    """A grader with short limits; its box stays open for the whole session."""
    # Imports torch, which the process that only hands out the tests does not need.
    from autograder.grading.submission import Grader

    with Grader.of(toy, Isolation.BOX, SHORT_LIMITS) as grader:
        yield grader


@pytest.fixture(scope="session")
def references(toy):
    """The source of each exercise's reference answer, by name."""
    return read_functions(toy)


@pytest.fixture(scope="session")
def release(toy):
    """The toy course's notebook as students get it; nobody changes it."""
    return read_release(toy)


@pytest.fixture(scope="session")
def notebook(release, references):
    """Return a function that makes a student's notebook, as a dictionary.

    Exercises named get the given code; `others` says what the rest hold: the "reference"
    or the "stub".
    """

    def make(others="reference", **cells):
        answers = {**references, **cells} if others == "reference" else cells
        return json.loads(json.dumps(made_up_notebook(release, answers)))

    return make


@pytest.fixture(scope="session")
def submit(notebook):
    """Return a function that makes the bytes of a student's notebook; see `notebook`."""

    def make(others="reference", **cells):
        return json.dumps(notebook(others, **cells)).encode()

    return make


@pytest.fixture(scope="session")
def copy_toy(toy):
    """Return a function that copies the built toy course; it returns the copy's one assignment."""

    def copy(root):
        shutil.copytree(toy.course.root, root)
        return find_course(root).assignment("toy")

    return copy


@pytest.fixture
def toy_copy(copy_toy, tmp_path):
    """A copy of the built toy course that a test may change: its one assignment."""
    return copy_toy(tmp_path / "course")


@pytest.fixture
def handed_in(toy_copy, submit):
    """Return a function that hands in a student's notebook, or other bytes, in `toy_copy`."""

    def make(student, content=None, **cells):
        return hand_in(toy_copy, student, submit(**cells) if content is None else content)

    return make


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A headless Chromium."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("chromium and chromium-driver are not installed (Debian's packages)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for option in [*CHROMIUM_OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()
