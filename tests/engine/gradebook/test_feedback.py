"""What a student is given back: one page, whole, and nothing that is for those who mark."""

import json
import re

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import notebook_hash
from selenium.webdriver.common.by import By

from autograder.course.made_up import hand_in
from shared.accessibility import in_colours, violations
from shared.commands import run_forked

pytestmark = [pytest.mark.box, pytest.mark.slow]

DERIVATION = "Squares are **never** negative:\n\n$$ x^2 = (-x)^2 \\ge 0 $$"


def gradebook_of(root):
    return Gradebook(f"sqlite:///{root / 'gradebook.db'}", "genai-foundations")


@pytest.fixture(scope="module")
def marked(copy_toy, submit, tmp_path_factory):
    """A class graded, marked by hand in part, with the feedback that nbgrader makes of it."""
    assignment = copy_toy(tmp_path_factory.mktemp("feedback") / "course")
    root = assignment.course.root
    slip = "def weighted_energy(x, w):\n    return (w * x**2).sum(dim=1)"
    hand_in(assignment, "ada", submit(why_squares=DERIVATION))
    hand_in(assignment, "bob", submit(weighted_energy=slip))
    hand_in(assignment, "blank", submit("stub"))
    assert run_forked(root, "autograder", "grade", "toy").returncode == 0
    with gradebook_of(root) as gradebook:
        gradebook.find_grade("why_squares", "toy", "toy", "ada").manual_score = 1.5
        gradebook.find_grade("why_squares", "toy", "toy", "ada").needs_manual_grade = False
        gradebook.find_comment("why_squares", "toy", "toy", "ada").manual_comment = "Say $x^2$."
        gradebook.find_grade("square-tests", "toy", "toy", "bob").manual_score = 0.5
        gradebook.find_comment("square", "toy", "toy", "bob").manual_comment = "Copied <b>it</b>."
        gradebook.db.commit()
    run(root, "nbgrader", "generate_feedback", "toy")
    run(root, "autograder", "report", "toy")
    run(root, "autograder", "export", "toy", "--to", "csv")
    return assignment


def run(root, *words):
    done = run_forked(root, *words)
    assert done.returncode == 0, done.stdout + done.stderr


def page(assignment, student):
    return (assignment.course.root / f"feedback/{student}/toy/toy.html").read_text()


def lines_of_the_scheme(assignment):
    """The lines of the task's cell that its release has not."""
    cells = [
        next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("task"))
        for notebook in (
            nbformat.read(assignment.source_notebook, as_version=4),
            nbformat.read(assignment.release_notebook, as_version=4),
        )
    ]
    source, release = (set(cell.source.split("\n")) for cell in cells)
    return {line for line in source - release if len(line) > 8}


def test_no_marking_scheme_leaves_the_instructors_side(marked):
    lines = lines_of_the_scheme(marked)
    assert len(lines) > 2
    root = marked.course.root
    kept = (root / "autograded/blank/toy/toy.ipynb").read_text()
    assert all(json.dumps(line)[1:-1] in kept for line in lines)
    given = [
        path
        for name in ("feedback", "reports", "exports", "release")
        for path in (root / name).rglob("*")
        if path.is_file()
    ]
    assert len([path for path in given if path.suffix == ".html"]) >= 6
    for path in given:
        content = path.read_bytes()
        for line in lines:
            assert line.encode() not in content, path
            assert json.dumps(line)[1:-1].encode() not in content, path


def test_the_page_holds_what_a_person_gave_and_what_was_written(marked):
    text = page(marked, "ada")
    assert "<strong>why_squares</strong>: 1.5 of 2 points" in text
    assert text.count("<math ") == 2
    assert "Squares are <strong>never</strong> negative" in text
    assert "not marked yet" not in text


def test_a_score_and_a_comment_to_an_exercise(marked):
    text = page(marked, "bob")
    assert "A person gave 0.5 points in place of these." in text
    assert "Copied &lt;b&gt;it&lt;/b&gt;." in text
    assert "2 points by hand (why_squares): not marked yet; until then they count 0." in text


def test_a_misconception_has_its_one_step_first_and_the_rest_folded(marked):
    text = page(marked, "bob")
    article = text[text.index("leaves out the factor 1/2") :]
    before, folded = article.split("<details>", 1)
    assert before.count("Next step:") == 1
    assert "All that was tried:" in folded.split("</summary>")[0]


def test_what_is_not_solved_is_one_line(marked):
    text = page(marked, "blank")
    assert text.count("Not solved yet") == text.count("<article") - 1
    assert "Next step" not in text
    assert "You wrote nothing here." in text


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("student", ["ada", "bob", "blank"])
def test_it_can_be_read_by_everybody(student, scheme, marked, chromium):
    in_colours(chromium, scheme)
    chromium.get((marked.course.root / f"feedback/{student}/toy/toy.html").as_uri())
    for folded in chromium.find_elements(By.TAG_NAME, "summary"):
        folded.click()
    assert violations(chromium) == {}


@pytest.mark.browser
def test_all_of_it_is_on_paper(marked, chromium):
    """What is folded on the screen is printed."""
    chromium.get((marked.course.root / "feedback/ada/toy/toy.html").as_uri())
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        written = chromium.find_element(By.CSS_SELECTOR, ".written")
        assert written.rect["height"] > 20
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_it_is_the_same_page_as_the_reports(marked):
    for student in ("ada", "bob", "blank"):
        reported = marked.course.root / f"reports/toy/{student}.html"
        assert reported.read_text() == page(marked, student)


def test_a_result_of_another_file_makes_no_page(marked, submit):
    root = marked.course.root
    again = ("nbgrader", "generate_feedback", "toy", "--student", "bob", "--force")
    result = marked.result("bob")
    before = result.read_bytes()
    result.write_bytes(marked.result("ada").read_bytes())
    try:
        done = run_forked(
            root, "nbgrader", "generate_feedback", "toy", "--student", "bob", "--force"
        )
    finally:
        result.write_bytes(before)
    assert done.returncode == 1
    assert "run `autograder grade toy` again" in done.stderr
    assert not (root / "feedback/bob/toy/toy.html").exists()
    run(root, *again)


def test_ours_are_nbgraders_pages_and_written_once(marked):
    root = marked.course.root
    before = {student: page(marked, student) for student in ("ada", "bob", "blank")}
    for student in before:
        (root / f"feedback/{student}/toy/toy.html").unlink()
    done = run_forked(root, "autograder", "feedback", "toy")
    assert (done.returncode, done.stdout) == (0, "feedback: 3 written, 0 unchanged\n")
    assert {student: page(marked, student) for student in before} == before
    done = run_forked(root, "autograder", "feedback", "toy", "ada", "bob")
    assert done.stdout == "feedback: 0 written, 2 unchanged\n"


def test_a_student_of_whom_there_is_no_result(marked):
    done = run_forked(marked.course.root, "autograder", "feedback", "toy", "nobody")
    assert done.returncode == 2
    assert done.stderr == ("autograder: no result of toy for nobody: run `autograder grade toy`\n")


def test_what_came_by_the_exchange_is_released_and_the_rest_is_named(marked):
    root = marked.course.root
    exchange = root.parent / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    config = root / "nbgrader_config.py"
    before = config.read_text()
    for student in ("ada", "bob"):
        folder = marked.submission(student).parent
        (folder / "timestamp.txt").write_text("2026-01-09 12:00:00 UTC")
        (folder / "submission_secret.txt").write_text(f"secret of {student}")
    config.write_text(f'{before}\nc.Exchange.root = "{exchange}"\n')
    try:
        done = run_forked(root, "autograder", "feedback", "toy", "--release")
    finally:
        config.write_text(before)
    assert done.returncode == 1
    assert "released: 2" in done.stdout
    assert "not released, as they were not submitted by the exchange: blank" in done.stderr
    released = sorted((exchange / "genai-foundations/feedback").glob("*.html"))
    assert {path.read_text() for path in released} == {page(marked, "ada"), page(marked, "bob")}
    assert {path.stem for path in released} == {
        notebook_hash(secret=f"secret of {student}", notebook_id="toy")
        for student in ("ada", "bob")
    }


def test_an_exchange_that_is_not_there_is_one_line(marked):
    config = marked.course.root / "nbgrader_config.py"
    before = config.read_text()
    (marked.submission("ada").parent / "submission_secret.txt").write_text("secret")
    config.write_text(f'{before}\nc.Exchange.root = "/proc/none"\n')
    try:
        done = run_forked(marked.course.root, "autograder", "feedback", "toy", "--release")
    finally:
        config.write_text(before)
    assert done.returncode == 2
    assert done.stderr.startswith("autograder: ada: the exchange takes no feedback")
    assert done.stderr.count("\n") == 1


def test_where_nbgraders_own_page_is_made_no_scheme_is_in_reach(copy_toy, submit, tmp_path):
    """A configuration of an earlier edition: it does not name our page."""
    assignment = copy_toy(tmp_path / "course")
    config = assignment.course.config
    config.write_text(re.sub(r"c\.GenerateFeedback.*\n", "", config.read_text()))
    root = assignment.course.root
    hand_in(assignment, "ada", submit(why_squares=DERIVATION))
    assert run_forked(root, "autograder", "grade", "toy").returncode == 0
    run(root, "nbgrader", "generate_feedback", "toy")
    text = page(assignment, "ada")
    assert "BEGIN MARK SCHEME" not in text
    assert not [line for line in lines_of_the_scheme(assignment) if line in text]
    said = re.sub(r"[│\s]+", " ", run_forked(root, "autograder", "doctor").stdout)
    assert "c.GenerateFeedback.exporter_class" in said
