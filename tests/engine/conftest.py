"""What the engine's tests share: a tiny course, built once, and one open box to grade it in."""

import importlib.util
import json
import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.course.files import Assignment, Course, find_course
from autograder.course.functions import read_functions
from autograder.course.notebooks import build
from autograder.grading.submission import Grader
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
    with Grader.of(toy, Isolation.BOX, SHORT_LIMITS) as grader:
        yield grader


@pytest.fixture(scope="session")
def references(toy):
    """The source of each exercise's reference answer, by name."""
    return read_functions(toy)


@pytest.fixture
def notebook(toy, references):
    """Return a function that makes a student's notebook, as a dictionary.

    Exercises named get the given code; `others` says what the rest hold: the "reference"
    or the "stub".
    """

    def make(others="reference", **cells):
        made = nbformat.read(toy.release_notebook, as_version=4)
        for cell in made.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in cells:
                cell.source = cells[name]
            elif name in references and others == "reference":
                cell.source = references[name]
        return json.loads(nbformat.writes(made, split_lines=False))

    return make


@pytest.fixture
def submit(notebook):
    """Return a function that makes the bytes of a student's notebook; see `notebook`."""

    def make(others="reference", **cells):
        return json.dumps(notebook(others, **cells)).encode()

    return make


@pytest.fixture
def course(toy, tmp_path):
    """The toy course by links, with folders of its own for submissions and results."""
    root = tmp_path / "course"
    root.mkdir()
    for name in ("source", "solutions", "tests", "release", "data", "nbgrader_config.py"):
        (root / name).symlink_to(toy.course.root / name)
    return Assignment(Course(root), "toy")


@pytest.fixture
def handed_in(course):
    """Return a function that puts a file where nbgrader keeps a student's submission."""

    def make(student, content=b"[]"):
        path = course.submission(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

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


@pytest.fixture(scope="session")
def hostile():
    """The module of hostile texts, and of how a browser tells what ran."""
    path = Path(__file__).parent / "hostile_text.py"
    spec = importlib.util.spec_from_file_location("hostile_text", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
