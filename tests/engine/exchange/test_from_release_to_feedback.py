"""The whole way by clicks: two students and an instructor in a browser, by nbgrader's exchange.

The students are users of their own: each server runs in a user namespace with a name of its own,
made by bubblewrap, so that no account need be made.
"""

import contextlib
import json
import time
from urllib.parse import quote

import pytest
from nbgrader.api import Gradebook
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from shared.formgrader import TOKEN, as_user, serving

pytestmark = [pytest.mark.box, pytest.mark.browser, pytest.mark.slow]

WAIT_S = 90
COURSE = "genai-foundations"
ANSWERS = {
    "ada": {
        "def square(": "def square(x):\n    return x * x",
        "Your answer:": "Because $x^2 = (-x)^2$, a sum of squares is **never** negative.",
    },
    "bob": {"def square(": "def square(x):\n    return 2 * x"},
}


@pytest.fixture(scope="module")
def course(copy_toy, tmp_path_factory):
    """A course whose exchange is a folder of this test's own."""
    assignment = copy_toy(tmp_path_factory.mktemp("exchange") / "course")
    root = assignment.course.root
    exchange = root.parent / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(f'\nc.Exchange.root = "{exchange}"\n')
    return assignment


@pytest.fixture(scope="module")
def instructor(course):
    with serving(course.course.root) as address:
        yield address


@pytest.fixture(scope="module")
def students(course):
    """The servers of two students, by name: their addresses and their folders."""
    base = course.course.root.parent
    with contextlib.ExitStack() as servers:
        found = {}
        for number, name in enumerate(ANSWERS, 3001):
            folder = base / name
            settings = folder / ".jupyter"
            settings.mkdir(parents=True)
            settings.joinpath("nbgrader_config.py").write_text(
                f'c = get_config()\nc.Exchange.root = "{base / "exchange"}"\n'
            )
            within = as_user(name, number, folder)
            found[name] = servers.enter_context(serving(folder, within=within)), folder
        yield found


def until(what, browser):
    """Wait for the first true value of a function; a page may change while it looks."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(WebDriverException, OSError, ValueError):
            if found := what():
                return found
        time.sleep(0.2)
    raise AssertionError(browser.find_element(By.TAG_NAME, "body").text[:3000])


def click(browser, selector, text=""):
    """Click the first thing that shows and has a text, as soon as it is there."""

    def clicked():
        for one in browser.find_elements(By.CSS_SELECTOR, selector):
            if one.is_displayed() and text in one.text:
                one.click()
                return True
        return False

    until(clicked, browser)


def formgrader(browser, address, *columns):
    """Press what stands in columns of formgrader's assignments, one after the other."""
    browser.get(f"{address}/formgrader/manage_assignments?token={TOKEN}")
    for column in columns:
        click(browser, f"td.{column} a")
        close_success(browser)


def close_success(browser):
    """Wait until formgrader says that what was pressed has succeeded; close what it says."""

    def is_done():
        title = browser.find_element(By.CSS_SELECTOR, ".modal-title").text
        assert title != "Error", browser.find_element(By.CSS_SELECTOR, ".modal-body").text
        return title == "Success"

    until(is_done, browser)
    click(browser, ".modal-header button.close")
    until(lambda: not browser.find_elements(By.CSS_SELECTOR, ".modal-backdrop"), browser)


def assignment_list(browser, address):
    """Open nbgrader's list of assignments in a student's JupyterLab."""
    browser.get(f"{address}/lab?reset&token={TOKEN}")
    click(browser, ".lm-MenuBar-itemLabel", "Nbgrader")
    click(browser, ".lm-Menu-itemLabel", "Assignment List")
    until(lambda: browser.find_element(By.ID, "released_assignments_list").is_displayed(), browser)


def type_into(browser, holds, text):
    """Replace the text of the cell that holds something, as one who pastes it would."""
    script = """
    const cell = [...document.querySelectorAll(".jp-Notebook .jp-Cell")].find(
        (one) => one.textContent.includes(arguments[0]));
    if (cell) cell.scrollIntoView({block: "center"});
    return cell;
    """
    cell = until(lambda: browser.execute_script(script, holds), browser)
    for shown in cell.find_elements(By.CSS_SELECTOR, ".jp-RenderedMarkdown"):
        ActionChains(browser).double_click(shown).perform()
    until(lambda: cell.find_element(By.CSS_SELECTOR, ".cm-content").click() or True, browser)
    ActionChains(browser).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
    browser.execute_cdp_cmd("Input.insertText", {"text": text})


def hand_in(browser, address, folder, answers):
    """Fetch, open, solve, save, validate and submit, as a student would; return what it says."""
    assignment_list(browser, address)
    click(browser, "#released_assignments_list button", "Fetch")
    click(browser, "#fetched_assignments_list .assignment-notebooks-link", "toy")
    click(browser, "#fetched_assignments_list .nested_list_item a", "toy")
    for holds, text in answers.items():
        type_into(browser, holds, text)
    ActionChains(browser).key_down(Keys.CONTROL).send_keys("s").key_up(Keys.CONTROL).perform()
    until(lambda: set(answers.values()) <= sources(folder / "toy/toy.ipynb"), browser)
    click(browser, ".jp-NotebookPanel-toolbar .jp-ToolbarButtonComponent", "Validate")
    said = until(lambda: browser.find_element(By.CSS_SELECTOR, ".jp-Dialog-content").text, browser)
    click(browser, ".jp-Dialog-footer button")
    click(browser, ".lm-TabBar-tabLabel", "Assignments")
    click(browser, "#fetched_assignments_list button", "Submit")
    until(lambda: submitted(browser), browser)
    return said


def sources(notebook):
    return {"".join(cell["source"]) for cell in json.loads(notebook.read_text())["cells"]}


def submitted(browser):
    return browser.find_element(By.CSS_SELECTOR, "#submitted_assignments_list .list_item").text


def grade_all(browser, address, count):
    """Collect, then press *Autograde* of each submission."""
    formgrader(browser, address, "collect")
    for number in range(count):
        browser.get(f"{address}/formgrader/manage_submissions/toy")
        until(
            lambda: len(browser.find_elements(By.CSS_SELECTOR, "td.autograde a")) == count, browser
        )
        browser.find_elements(By.CSS_SELECTOR, "td.autograde a")[number].click()
        close_success(browser)


def mark_by_hand(browser, address, page, score, comment):
    """Type a score and a comment for the derivation; formgrader saves each when it is left."""
    browser.get(f"{address}/formgrader/submissions/{page}/")
    # What is typed before formgrader has asked for the scores is not saved.
    scored = "input.score[placeholder]:not([placeholder=''])"
    until(lambda: browser.find_elements(By.CSS_SELECTOR, scored), browser)
    # The answer stands directly above what it is marked by.
    shown = browser.find_element(By.ID, "notebook-container").text
    assert shown.index("is never negative") < shown.index("Marking scheme")
    for box, text in (("why_squares", score), ("why_squares-comment", comment)):
        found = browser.find_element(By.ID, box)
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        found.send_keys(text, Keys.TAB)


def fetch_feedback(browser, address, folder):
    """Press *Fetch Feedback*, and open the page in JupyterLab; return its text there."""
    assignment_list(browser, address)
    click(browser, "#submitted_assignments_list button", "Fetch Feedback")
    fetched = until(lambda: list(folder.glob("toy/feedback/*/toy.html")), browser)[0]
    browser.get(f"{address}/lab/tree/{quote(str(fetched.relative_to(folder)))}?token={TOKEN}")
    frame = until(lambda: browser.find_element(By.CSS_SELECTOR, ".jp-HTMLViewer iframe"), browser)
    browser.switch_to.frame(frame)
    try:
        text = until(lambda: browser.find_element(By.TAG_NAME, "main").text, browser)
        formulas = browser.find_elements(By.TAG_NAME, "math")
    finally:
        browser.switch_to.default_content()
    return fetched, text, len(formulas)


def test_from_release_to_fetched_feedback(chromium, course, instructor, students):
    browser, root = chromium, course.course.root
    browser.set_window_size(1400, 1000)
    formgrader(browser, instructor, "assign", "release")
    for name, (address, folder) in students.items():
        said = hand_in(browser, address, folder, ANSWERS[name])
        assert "sum_of_squares: not solved yet" in said
    grade_all(browser, instructor, len(students))
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", COURSE) as gradebook:
        pages = {
            name: gradebook.find_submission_notebook("toy", "toy", name).id for name in students
        }
    mark_by_hand(browser, instructor, pages["ada"], "1.5", "Say it with $x^2$.")

    def is_saved():
        with Gradebook(f"sqlite:///{root / 'gradebook.db'}", COURSE) as gradebook:
            grade = gradebook.find_grade("why_squares", "toy", "toy", "ada")
            comment = gradebook.find_comment("why_squares", "toy", "toy", "ada")
            return (grade.manual_score, comment.manual_comment) == (1.5, "Say it with $x^2$.")

    until(is_saved, browser)
    formgrader(browser, instructor, "generate-feedback", "release-feedback")
    for name, (address, folder) in students.items():
        fetched, text, formulas = fetch_feedback(browser, address, folder)
        made = root / f"feedback/{name}/toy/toy.html"
        assert fetched.read_bytes() == made.read_bytes()
        assert "Two points for a reason" not in fetched.read_text()
        if name == "ada":
            assert "why_squares: 1.5 of 2 points" in text
            assert "Say it with" in text
            # One in the comment; the derivation, with the other, is folded.
            assert formulas == 2
        else:
            assert "Behaves like an answer that doubles instead of squaring" in text
            assert "2 points by hand (why_squares): not marked yet" in text
            assert "ada" not in text
