"""The formgrader in a real browser: the gradebook, a submission's page, the Autograde button."""

import time

import pytest
from nbgrader.api import Gradebook
from selenium.webdriver.common.by import By

pytestmark = [pytest.mark.box, pytest.mark.browser, pytest.mark.slow]

WAIT_S = 30


def wait_for_text(browser, text):
    """Wait until the page's text holds `text`; return the page's text."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        shown = browser.find_element(By.TAG_NAME, "body").text
        if text in shown:
            return shown
        time.sleep(0.2)
    raise AssertionError(f"{text!r} is not on {browser.current_url}: {shown[:2000]}")


def test_the_gradebook_lists_the_assignment_and_its_students(browser, formgrader):
    browser.get(f"{formgrader}/formgrader/gradebook")
    # 9 + 1 extra, 5 + 1 extra and 7 + 1 extra, of 9 points and 2 for the task.
    assert "toy None 3 8 / 11" in wait_for_text(browser, "toy")
    browser.get(f"{formgrader}/formgrader/gradebook/toy/toy")
    wait_for_text(browser, "Submission #3")


def test_a_submission_page_shows_scores_feedback_and_pictures(browser, formgrader, graded):
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}", "genai-foundations") as gradebook:
        notebook = gradebook.find_submission_notebook("toy", "toy", "bob")
        address = f"{formgrader}/formgrader/submissions/{notebook.id}/"
    browser.get(address)
    text = wait_for_text(browser, "Behaves like an answer that leaves out the factor 1/2")
    assert "weighted_energy: 0 of 4 points" in text
    pictures = browser.find_elements(By.CSS_SELECTOR, "img[src^='data:image/png']")
    assert pictures
    assert all(int(picture.get_attribute("naturalWidth")) > 50 for picture in pictures)
    boxes = browser.find_elements(By.CSS_SELECTOR, "input.score")
    assert "0" in {box.get_attribute("placeholder") for box in boxes}


def test_the_autograde_button_grades(browser, formgrader, graded):
    result = graded / "results/toy/eve.json"
    result.unlink()
    browser.get(f"{formgrader}/formgrader/manage_submissions/toy")
    wait_for_text(browser, "eve")
    row = next(
        row for row in browser.find_elements(By.CSS_SELECTOR, "tbody tr") if "eve" in row.text
    )
    row.find_element(By.CSS_SELECTOR, "td.autograde a").click()
    deadline = time.monotonic() + WAIT_S
    while not result.is_file() and time.monotonic() < deadline:
        time.sleep(0.3)
    wait_for_text(browser, "Success")
    assert result.is_file()
    with Gradebook(f"sqlite:///{graded / 'gradebook.db'}", "genai-foundations") as gradebook:
        assert gradebook.find_grade("square-tests", "toy", "toy", "eve").auto_score == 0.0
