"""Take the guides' pictures: real pages of a made-up class in headless Chromium.

    python scripts/screenshots.py                # some minutes; writes docs/images/
    python scripts/screenshots.py feedback       # of student, instructor and feedback

A course with chapter 1 alone, its exchange, an instructor and a student are made in a temporary
folder. The student is a user of a namespace of bubblewrap's, so that no account is needed.
"""

import contextlib
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from autograder.course.files import Assignment, find_course  # noqa: E402
from autograder.course.functions import read_functions  # noqa: E402
from autograder.course.made_up import (  # noqa: E402
    hand_in,
    made_up_notebook,
    notebook_bytes,
    read_release,
)
from shared.commands import SCRIPTS, environment  # noqa: E402
from shared.formgrader import TOKEN, as_user, serving  # noqa: E402

IMAGES = ROOT / "docs" / "images"
COURSE, CHAPTER = "genai-foundations", "a01_pca"
STUDENT, UID = "jo", 3001
WAIT_S = 240
# A student has no formgrader and marks no cells; nobody asks about news.
SETTINGS = {
    "labconfig/page_config.json": """{"disabledExtensions": {
        "@jupyter/nbgrader:formgrader": true,
        "@jupyter/nbgrader:create-assignment": true,
        "@jupyter/nbgrader:course-list": true}}""",
    "lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings": (
        '{"fetchNews": "false", "checkForUpdates": false}'
    ),
}
WRONG = "def covariance(X, ddof=1):\n    Xc, _ = center(X)\n    return Xc.T @ Xc / len(X)"
BY_HAND = (
    "Write $w = a w_1 + b v$ with $v \\perp w_1$. Orthogonality to $w_1$ says $a = 0$, so "
    "$w^\\top S w = b^2\\, v^\\top S v$, which is largest for the *second* eigenvector."
)


class Stage:
    """A course, its exchange and a student's folder, in one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.course, self.student = folder / "course", folder / STUDENT
        self.exchange = folder / "exchange"
        self.exchange.mkdir()
        self.exchange.chmod(0o777)
        self._copy_course()
        settings = self.student / ".jupyter"
        for name, content in SETTINGS.items():
            (settings / name).parent.mkdir(parents=True, exist_ok=True)
            (settings / name).write_text(content)
        where = f'c = get_config()\nc.Exchange.root = "{self.exchange}"\n'
        (settings / "nbgrader_config.py").write_text(where)
        with (self.course / "nbgrader_config.py").open("a") as config:
            config.write(f'\nc.Exchange.root = "{self.exchange}"\n')

    def _copy_course(self) -> None:
        for name in ("nbgrader_config.py", "data", "source", "release", "solutions", "tests"):
            source = ROOT / name
            if source.is_file():
                self.course.mkdir(exist_ok=True)
                shutil.copy2(source, self.course / name)
            else:
                shutil.copytree(source, self.course / name, ignore=_others)

    @property
    def assignment(self) -> Assignment:
        return find_course(self.course).assignment(CHAPTER)

    @property
    def as_student(self) -> list[str]:
        """The command that runs another one as the student."""
        return as_user(STUDENT, UID, self.student)

    def run(self, *words: str, by_student: bool = False) -> None:
        """Run one of the environment's commands; a class that needs a person is no fault."""
        before = self.as_student if by_student else []
        folder = self.student if by_student else self.course
        done = subprocess.run(
            [*before, str(SCRIPTS / words[0]), *words[1:]],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode not in ((0, 1) if words[0] == "autograder" else (0,)):
            sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")

    def notebook(self, **answers: str | None) -> bytes:
        """Return a notebook of the class: our answers but for those given."""
        solved = {**read_functions(self.assignment), **answers}
        notebook = made_up_notebook(read_release(self.assignment), solved)
        for cell in notebook.cells:
            if cell.cell_type == "markdown" and cell.source.startswith("*Your answer:*"):
                cell.source = f"*Your answer:*\n\n{BY_HAND}"
        return notebook_bytes(notebook)


def _others(folder: str, names: list[str]) -> list[str]:
    """What a copy of the course leaves out: other chapters, the engine's tests."""
    chapters = [name for name in names if "_" in name and CHAPTER not in name]
    kept = {"notebook_setup.py", "__init__.py"}
    return [name for name in [*chapters, "engine", "__pycache__"] if name not in kept]


@contextlib.contextmanager
def browsing() -> Iterator[Any]:
    """Give a headless Chromium in light colours."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for option in ("headless=new", "no-sandbox", "disable-gpu", "hide-scrollbars"):
        options.add_argument(f"--{option}")
    options.add_argument("--disable-background-networking")
    options.add_argument("--window-size=1280,940")
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield browser
    finally:
        browser.quit()


def until(what: Callable[[], Any], browser: Any) -> Any:
    """Wait for the first true value of a function; a page may change while it looks."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(WebDriverException):
            if found := what():
                return found
        time.sleep(0.3)
    sys.exit(f"not there in {WAIT_S} s:\n{browser.find_element(By.TAG_NAME, 'body').text[:2000]}")


def click(browser: Any, selector: str, text: str) -> None:
    """Click the first thing of that text, as soon as it is there."""

    def clicked() -> bool:
        for one in browser.find_elements(By.CSS_SELECTOR, selector):
            if one.is_displayed() and text in one.text:
                one.click()
                return True
        return False

    until(clicked, browser)


def show(browser: Any, text: str, *, within: str, place: str = "center") -> None:
    """Scroll to the innermost thing that has a text; a notebook makes its cells as one scrolls."""
    script = """
    const [text, within, place] = arguments;
    const panel = document.querySelector(within) || document.scrollingElement;
    const found = [...panel.querySelectorAll("*")].filter(
        (one) => one.textContent.includes(text) && one.offsetParent).at(-1);
    if (found) { found.scrollIntoView({block: place}); return true; }
    panel.scrollBy(0, 500);
    if (panel.scrollTop + panel.clientHeight >= panel.scrollHeight - 1) panel.scrollTo(0, 0);
    return false;
    """
    until(lambda: browser.execute_script(script, text, within, place), browser)
    time.sleep(1.5)


def take(browser: Any, name: str, *, height: int | None = None) -> None:
    """Write what the browser shows, or its upper part, to docs/images/: in few colours, small."""
    picture = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    picture = picture.crop((0, 0, picture.width, height or picture.height))
    path = IMAGES / f"{name}.png"
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"wrote docs/images/{path.name}, {path.stat().st_size // 1000} kB")


def student_pages(browser: Any, stage: Stage) -> None:
    """Take the notebook with a check that passes and one that does not, and the list."""
    path = stage.student / CHAPTER / f"{CHAPTER}.ipynb"
    with serving(stage.student, within=stage.as_student) as address:
        browser.get(f"{address}/lab/tree/{CHAPTER}/{path.name}?reset&token={TOKEN}")
        click(browser, ".lm-MenuBar-itemLabel", "Run")
        click(browser, ".lm-Menu-itemLabel", "Run All Cells")
        time.sleep(15)
        show(browser, "✗ covariance:", within=".jp-WindowedPanel-outer", place="end")
        take(browser, "student-check")
        click(browser, ".lm-MenuBar-itemLabel", "Nbgrader")
        click(browser, ".lm-Menu-itemLabel", "Assignment List")
        until(lambda: browser.find_element(By.ID, "submitted_assignments_list").text, browser)
        time.sleep(2)
        take(browser, "student-assignment-list", height=480)


def instructor_pages(browser: Any, stage: Stage) -> None:
    """Take formgrader's list, and a derivation that is being marked."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{stage.course / 'gradebook.db'}", COURSE) as gradebook:
        notebook = gradebook.find_submission_notebook(CHAPTER, CHAPTER, STUDENT).id
    with serving(stage.course) as address:
        browser.get(f"{address}/formgrader/manage_assignments?token={TOKEN}")
        until(lambda: CHAPTER in browser.find_element(By.TAG_NAME, "body").text, browser)
        time.sleep(2)
        take(browser, "instructor-formgrader", height=450)
        browser.get(f"{address}/formgrader/submissions/{notebook}/")
        show(browser, "Marking scheme", within="html")
        take(browser, "ta-manual-marking")


PARTS = ("student", "instructor", "feedback")


def main(parts: tuple[str, ...]) -> None:
    """Go from release to feedback, and take the pictures of these parts."""
    with tempfile.TemporaryDirectory() as folder, browsing() as browser:
        stage = Stage(Path(folder))
        stage.run("nbgrader", "release_assignment", CHAPTER)
        stage.run("nbgrader", "fetch_assignment", CHAPTER, "--course", COURSE, by_student=True)
        fetched = stage.student / CHAPTER / f"{CHAPTER}.ipynb"
        fetched.write_bytes(stage.notebook(covariance=WRONG))
        stage.run("nbgrader", "submit", CHAPTER, "--course", COURSE, by_student=True)
        if "student" in parts:
            student_pages(browser, stage)
        stage.run("nbgrader", "collect", CHAPTER)
        hand_in(stage.assignment, "ada", stage.notebook())
        hand_in(stage.assignment, "max", stage.notebook(center=None, whiten=None))
        stage.run("autograder", "grade", CHAPTER)
        if "instructor" in parts:
            instructor_pages(browser, stage)
        if "feedback" in parts:
            stage.run("nbgrader", "generate_feedback", CHAPTER)
            page = stage.course / "feedback" / STUDENT / CHAPTER / f"{CHAPTER}.html"
            browser.get(page.as_uri())
            time.sleep(2)
            take(browser, "student-feedback")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or PARTS)
