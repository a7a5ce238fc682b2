"""The reports in a real browser: nothing hostile runs; the table sorts, filters and opens pages."""

import html

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from autograder.reports.class_results import ClassResults
from autograder.reports.writing import (
    assignment_page,
    course_page,
    read_class,
    student_page,
    write_assignment,
    write_course,
)
from autograder.results.document import CellOutput, OwnLine, read_results, write_result
from autograder.results.verdicts import Verdict
from shared import hostile_text

pytestmark = pytest.mark.browser

# What a folder can be called: no slash, and not too long.
HOSTILE_ID = (
    "\"><img src=x onerror=top.ran=[99]><svg onload='top.ran=[98]'>&lt;b&gt; %3Cscript%3E.."
)


@pytest.fixture(scope="module")
def attacked(small_class, made_up, tmp_path_factory):
    """A class in which one student's id, messages, lines and outputs are hostile."""
    folder = tmp_path_factory.mktemp("attacked") / "course"
    course = made_up.copy_course(small_class.root, folder)
    classes = []
    for name in ("a01_pca", "a03_vae"):
        assignment = course.assignment(name)
        made_up.write_class(assignment, students=12)
        write_result(assignment.result(HOSTILE_ID), _hostile_result(assignment))
        results = ClassResults(name)
        assert len(list(read_class(assignment, results, with_pages=True))) > 10
        write_assignment(assignment, results)
        classes.append(results)
    write_course(course, classes)
    return course


def _hostile_result(assignment):
    """Return a result with a hostile text wherever a student has a say, and beyond."""
    result = next(one for one in read_results(assignment.results) if one.cells)
    text = hostile_text.HOSTILE_TEXT
    result.student, result.notes, result.needs_person = HOSTILE_ID, [text], True
    for exercise in result.exercises[:4]:
        exercise.verdict = Verdict.CRASHED
        exercise.misconception = exercise.misconception_says = text
        exercise.stand_ins = [text]
        for test in exercise.tests:
            test.verdict, test.message, test.hint = Verdict.CRASHED, text, text
            test.own_lines = [OwnLine(line=1, function=text, text=text)]
    outputs = [
        {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
        {"output_type": "stream", "name": "stdout", "text": text},
        {"output_type": "display_data", "data": {"text/html": text, "image/png": '"' + text}},
    ]
    result.cells.append(CellOutput(index=1, outputs=outputs, problem=f"TIMED_OUT: {text}"))
    return result


def pages(course):
    assignment = course.assignment("a01_pca")
    return {
        "assignment": assignment_page(assignment),
        "student": student_page(assignment, HOSTILE_ID),
        "course": course_page(course),
    }


@pytest.mark.parametrize("name", ["assignment", "student", "course"])
def test_nothing_hostile_runs(name, attacked, chromium):
    page = pages(attacked)[name]
    chromium.get_log("browser")
    chromium.get(page.as_uri())
    assert hostile_text.what_ran(chromium) == ([], [], [])
    assert chromium.get_log("browser") == []
    assert "onerror=top.ran" in chromium.find_element(By.TAG_NAME, "body").text
    assert HOSTILE_ID in chromium.find_element(By.TAG_NAME, "body").text


@pytest.mark.parametrize("name", ["assignment", "student", "course"])
def test_the_policy_alone_stops_it_and_without_both_it_runs(name, attacked, chromium, tmp_path):
    """The control: these attacks do run where nothing is escaped, but not under our policy."""
    text = pages(attacked)[name].read_text()
    careless = text.replace("</main>", hostile_text.HOSTILE_TEXT + "</main>")
    if name != "course":
        careless = careless.replace(
            html.escape(hostile_text.HOSTILE[5], quote=True), hostile_text.HOSTILE[5]
        )
    policy = text[text.index("<meta http-equiv") : text.index('<meta name="viewport"')]
    page = tmp_path / "page.html"
    page.write_text(careless)
    chromium.get(page.as_uri())
    assert hostile_text.what_ran(chromium)[0] == []
    page.write_text(careless.replace(policy, ""))
    chromium.get(page.as_uri())
    assert {0, 5, 7} <= set(hostile_text.what_ran(chromium)[0])


def test_the_hostile_students_page_opens_from_the_table(attacked, chromium):
    chromium.get(pages(attacked)["assignment"].as_uri())
    row = next(
        row
        for row in chromium.find_elements(By.CSS_SELECTOR, "#class tbody tr")
        if HOSTILE_ID in row.text
    )
    row.find_element(By.CSS_SELECTOR, "th a").send_keys(Keys.ENTER)
    assert chromium.find_element(By.TAG_NAME, "h1").text == HOSTILE_ID
    assert "feedback for" in chromium.title


def visible_rows(chromium, table):
    return [
        row
        for row in chromium.find_elements(By.CSS_SELECTOR, f"#{table} tbody tr")
        if row.is_displayed()
    ]


def column(chromium, table, place):
    return [
        row.find_elements(By.CSS_SELECTOR, "th, td")[place].text
        for row in visible_rows(chromium, table)
    ]


def test_a_row_anywhere_opens_that_students_feedback(attacked, chromium):
    chromium.get(pages(attacked)["assignment"].as_uri())
    row = visible_rows(chromium, "class")[2]
    student = row.find_element(By.TAG_NAME, "th").text
    cell = row.find_elements(By.TAG_NAME, "td")[3]
    # The link lies over all of its row, so that no cell can be clicked itself.
    ActionChains(chromium).move_to_element(cell).click().perform()
    assert chromium.find_element(By.TAG_NAME, "h1").text == student


def test_the_table_sorts_by_mouse_and_keyboard(attacked, chromium):
    chromium.get(pages(attacked)["assignment"].as_uri())
    score, seconds = (
        chromium.find_elements(By.CSS_SELECTOR, "#class thead th")[place] for place in (1, -3)
    )
    for order, reverse in (("ascending", False), ("descending", True)):
        score.find_element(By.TAG_NAME, "button").click()
        assert score.get_attribute("aria-sort") == order
        values = [float(text.split("/")[0]) for text in column(chromium, "class", 1)]
        assert values == sorted(values, reverse=reverse)
    assert len(set(values)) > 5
    seconds.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert [score.get_attribute("aria-sort"), seconds.get_attribute("aria-sort")] == [
        "none",
        "ascending",
    ]
    values = [float(text) for text in column(chromium, "class", -3)]
    assert values == sorted(values)


def test_the_table_filters_by_text_and_by_kind(attacked, chromium):
    chromium.get(pages(attacked)["assignment"].as_uri())
    everyone = len(visible_rows(chromium, "class"))
    chromium.find_element(By.CSS_SELECTOR, ".find").send_keys("ADA.abe")
    assert column(chromium, "class", 0) == ["ada.abe"]
    assert chromium.find_element(By.CSS_SELECTOR, ".shown").text == f"1 of {everyone} students"
    chromium.find_element(By.CSS_SELECTOR, ".find").send_keys(Keys.CONTROL, "a")
    chromium.find_element(By.CSS_SELECTOR, ".find").send_keys(Keys.DELETE)
    assert len(visible_rows(chromium, "class")) == everyone
    Select(chromium.find_element(By.CSS_SELECTOR, ".kind")).select_by_value("person")
    shown = column(chromium, "class", 0)
    assert HOSTILE_ID in shown
    assert 0 < len(shown) < everyone


SIZES = """
const wide = [...document.querySelectorAll("body *")].filter((element) =>
  !element.closest(".scroll") && !element.closest("svg") && !element.closest(".hidden")
  && element.getBoundingClientRect().right > innerWidth + 1);
const start = (element) => element.outerHTML.slice(0, 99);
return [document.documentElement.scrollWidth, wide.map(start)];
"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", ["assignment", "student", "course"])
def test_no_page_is_wider_than_its_window(name, width, attacked, chromium):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        chromium.get(pages(attacked)[name].as_uri())
        wide, beyond = chromium.execute_script(SIZES)
        assert wide <= width
        assert beyond == []
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


CONTRAST = """
const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = (colour) => {
  const [r, g, b] = rgb(colour).map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const backdrop = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!colour.endsWith(", 0)")) return colour;
  }
  return "rgb(255, 255, 255)";
};
const worst = {ratio: 99};
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || ["SCRIPT", "OPTION"].includes(element.tagName)) continue;
  const style = getComputedStyle(element);
  const ink = element.closest("svg") ? style.fill : style.color;
  const [a, b] = [light(ink), light(backdrop(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < worst.ratio) Object.assign(worst, {ratio, text: element.outerHTML.slice(0, 120)});
}
return worst;
"""


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
@pytest.mark.parametrize("name", ["assignment", "student", "course"])
def test_text_is_readable_in_light_in_dark_and_on_paper(name, mode, attacked, chromium):
    media = {
        "media": "print" if mode == "print" else "screen",
        "features": [
            {"name": "prefers-color-scheme", "value": "light" if mode == "light" else "dark"}
        ],
    }
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        chromium.get(pages(attacked)[name].as_uri())
        worst = chromium.execute_script(CONTRAST)
        # 4.5 is what WCAG asks of text.
        assert worst["ratio"] >= 4.5, worst
        paper = chromium.execute_script(
            "return getComputedStyle(document.documentElement).backgroundColor"
        )
        assert (paper == "rgb(255, 255, 255)") == (mode != "dark")
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
