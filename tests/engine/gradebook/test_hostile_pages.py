"""A hostile notebook through the whole pipeline: nothing of it runs in any page that is made."""

import json

import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from selenium.webdriver.common.by import By

from autograder.cli import main
from autograder.course.configuration import course_config
from autograder.course.made_up import hand_in, made_up_notebook
from autograder.course.nbgrader_release import course_directory
from shared import hostile_text

pytestmark = [pytest.mark.box, pytest.mark.browser, pytest.mark.slow]

TOKEN = "engine-tests"
STUDENTS = ("mallory", "<img src=x onerror=top.ran=97>")


@pytest.fixture(scope="module")
def hostile_class(copy_toy, run_in, release, tmp_path_factory):
    """A copy of the course with a class of hostile students, graded, with feedback and reports."""
    assignment = copy_toy(tmp_path_factory.mktemp("hostile") / "course")
    root = assignment.course.root
    content = json.dumps(hostile_notebook(release)).encode()
    for student in (*STUDENTS, "control"):
        hand_in(assignment, student, content)
    graded = run_in(root, "autograder", "grade", "toy", check=False)
    # The hostile id is graded and told, but not entered.
    assert graded.returncode == 1
    assert f"{STUDENTS[1]}: not entered in the gradebook: nbgrader takes < > in" in graded.stderr
    control = root / "autograded/control/toy/toy.ipynb"
    control.write_text(json.dumps(uncleaned(json.loads(control.read_text()))))
    comment(root)
    generate_feedback(assignment)
    command = ["--course", str(root), "report", "toy", "--course"]
    assert CliRunner().invoke(main, command).exit_code == 0
    return root


def comment(root):
    """Write a hostile comment, as whoever marks would who copies a student's text."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "genai-foundations") as gradebook:
        for name in ("square", "why_squares"):
            written = gradebook.find_comment(name, "toy", "toy", "mallory")
            written.manual_comment = "\n\n".join(hostile_text.HOSTILE)
        gradebook.db.commit()


def generate_feedback(assignment):
    """Run nbgrader's own converter here: its command would import all of nbgrader again."""
    config = course_config(assignment.course)
    directory = course_directory(assignment, config)
    GenerateFeedback(coursedir=directory, config=config).start()


def hostile_notebook(release):
    """Return a notebook that is hostile wherever a student can write."""
    text = hostile_text.HOSTILE_TEXT
    own = (
        f"TEXT = {text!r}\n"
        "from IPython.display import HTML, Javascript, Markdown, SVG, display\n"
        "print(TEXT)\n"
        "for kind in (HTML, Javascript, Markdown): display(kind(TEXT))\n"
        "display({'text/html': TEXT, 'image/svg+xml': TEXT, 'text/latex': TEXT}, raw=True)\n"
        "class Odd(Exception): pass\n"
        "Odd.__name__ = Odd.__qualname__ = TEXT\n"
        "raise Odd(TEXT)"
    )
    cells = [
        {
            "cell_type": "markdown",
            "id": "m",
            "metadata": {},
            "source": "\n\n".join(hostile_text.HOSTILE),
        },
        code_cell("c", own),
        code_cell("r", f'"""{hostile_text.HOSTILE[5]}"""'),
    ]
    answers = {
        "square": f"def square(x):\n    raise ValueError({text!r})",
        "sum_of_squares": f"def sum_of_squares(x):\n    return {{}}[{text!r}]  # {text}",
        "why_squares": "\n\n".join(hostile_text.HOSTILE),
    }
    notebook = made_up_notebook(release, answers)
    notebook["cells"] += cells
    notebook["metadata"]["title"] = text
    return notebook


def code_cell(name, source, outputs=()):
    rest = {"metadata": {}, "outputs": list(outputs), "execution_count": None}
    return {"cell_type": "code", "id": name, "source": source, **rest}


def markdown_cell(name):
    text = "\n\n".join(hostile_text.HOSTILE)
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def uncleaned(notebook):
    """Return a notebook as it would be if nothing had been cleaned."""
    data = {"text/html": hostile_text.HOSTILE[5]}
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    notebook["cells"] += [markdown_cell("u"), code_cell("h", "1", [output])]
    return notebook


def inert(browser):
    """Say that nothing ran and that nothing stands ready to, though the page shows the text."""
    ran, handlers, links = hostile_text.what_ran(browser)
    assert (ran, handlers) == ([], [])
    assert links == []
    return hostile_text.shows_the_text(browser)


def test_the_feedback_page_with_derivation_and_comments(hostile_class, chromium):
    chromium.get((hostile_class / "feedback/mallory/toy/toy.html").as_uri())
    assert len(chromium.find_elements(By.CSS_SELECTOR, ".comment")) == 2
    assert len(chromium.find_elements(By.CSS_SELECTOR, ".written")) == 1
    assert inert(chromium)


@pytest.mark.parametrize("student", STUDENTS)
def test_the_report_and_the_students_page(student, hostile_class, chromium):
    chromium.get((hostile_class / f"reports/toy/{student}.html").as_uri())
    assert inert(chromium)
    assert chromium.execute_script("return document.querySelector('h1').textContent") == student
    for page in ("toy", "course"):
        chromium.get((hostile_class / f"reports/{page}.html").as_uri())
        assert inert(chromium)


def test_the_formgraders_submission_page(hostile_class, chromium, serve):
    with Gradebook(f"sqlite:///{hostile_class / 'gradebook.db'}", "genai-foundations") as gradebook:
        ids = {
            student: gradebook.find_submission_notebook("toy", "toy", student).id
            for student in ("mallory", "control")
        }
        assert not [one.id for one in gradebook.students if one.id not in ids]
    with serve(hostile_class) as address:
        chromium.get(f"{address}/formgrader?token={TOKEN}")
        chromium.get(f"{address}/formgrader/submissions/{ids['mallory']}/")
        assert inert(chromium)
        chromium.get(f"{address}/formgrader/submissions/{ids['control']}/")
        assert {0, 5} <= set(hostile_text.what_ran(chromium)[0])
