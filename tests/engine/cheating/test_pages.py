"""A student's Markdown in the instructor's pages: nothing loads, logs out, or takes a mark."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from autograder.course.configuration import course_config
from autograder.course.made_up import hand_in, made_up_notebook
from autograder.course.nbgrader_release import course_directory
from shared.commands import run_forked
from shared.formgrader import TOKEN, serving

pytestmark = [pytest.mark.box, pytest.mark.browser, pytest.mark.slow]

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)
GRADED = ("square-tests", "weighted_energy-tests", "sum_of_squares-tests", "why_squares")
# What colours code looks at a chain of names, and at white space, once from each of their signs.
HOSTILE_CODE = ["if 0: " + "a." * 10_000 + "a", "x = 1" + " \n" * 10_000]
WAIT_S = 30
# Of pages that take below a second; as it was written, the feedback alone took 20 s.
PAGE_S = 10


@pytest.fixture(scope="module")
def asked():
    """What was asked of a server on the net, and its address."""
    paths = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield paths, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def hostile_texts(elsewhere):
    """Return Markdown that would load, log out, or take the names of what is graded."""
    names = [f"{name}{end}" for name in GRADED for end in ("", "-comment", "_extra_credit")]
    return [
        "![x](/logout)\n\n![y][r]\n\n[r]: /logout\n\n`` ![z](/logout) ```",
        f"![x]({elsewhere}/inline) ![y][r] ![r] <img src={elsewhere}/html>\n\n[r]: {elsewhere}/ref",
        "\n".join(f"# {name}" for name in names),
        "\n\n".join(f"{name}\n====" for name in names),
        "\n\n".join(f"> - `{name}`\n>   ---" for name in names),
        f'```mermaid\nflowchart TD\nA["<img src={elsewhere}/diagram>"]\n```',
        "[Submissions](../../formgrader/gradebook) [Log out](/logout) <a name=square-tests>",
        "![missing](attachment:nothing.png)",
        "\\begin{a}" * 15_000,
        "a\n-\n>" * 400,
        "# a\n" * 20_000,
        "$$\\newcommand{\\h}[1]{\\href{#1:alert(1)}{x}}\\h{javascript}$$",
    ]


def notebook_of(release, texts):
    """Return a right submission with these texts beside the answers, and one picture of its own."""
    answers = {"why_squares": "because $x^2 \\ge 0$\n\n![my sketch](attachment:sketch.png)"}
    notebook = made_up_notebook(release, answers)
    answer = next(cell for cell in notebook["cells"] if "my sketch" in "".join(cell["source"]))
    answer["attachments"] = {"sketch.png": {"image/png": PNG}}
    if len(texts) > 1:
        texts = [*texts, *HOSTILE_CODE]
    for number, text in enumerate(texts):
        cell = {"cell_type": "markdown", "id": f"t{number}", "metadata": {}, "source": text}
        if text in HOSTILE_CODE:
            cell |= {"cell_type": "code", "outputs": [], "execution_count": None}
        # Before everything of ours: the first element of an id is the one that a page finds.
        notebook["cells"].insert(0, cell)
    return notebook


@pytest.fixture(scope="module")
def course(copy_toy, release, references, asked, tmp_path_factory):
    """A class of an attacker and an honest student, graded and entered."""
    assignment = copy_toy(tmp_path_factory.mktemp("pages") / "course")
    for student, texts in {"mallory": hostile_texts(asked[1]), "ada": ["# My notes"]}.items():
        made = notebook_of(release, texts)
        for cell in made["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if cell["cell_type"] == "code" and name in references:
                cell["source"] = references[name]
        hand_in(assignment, student, json.dumps(made).encode())
    done = run_forked(assignment.course.root, "autograder", "grade", "toy")
    assert done.returncode == 0, done.stderr
    return assignment


@pytest.fixture(scope="module")
def formgrader(course):
    with serving(course.course.root) as address:
        yield address


def gradebook_of(assignment):
    return Gradebook(f"sqlite:///{assignment.course.root / 'gradebook.db'}", "genai-foundations")


@pytest.fixture(params=["mallory", "ada"])
def opened(request, course, formgrader, chromium):
    """A submission's page in formgrader; its student, and the seconds it took."""
    with gradebook_of(course) as gradebook:
        page = gradebook.find_submission_notebook("toy", "toy", request.param).id
    chromium.get(f"{formgrader}/formgrader?token={TOKEN}")
    began = time.monotonic()
    chromium.get(f"{formgrader}/formgrader/submissions/{page}/")
    while not chromium.find_elements(By.CSS_SELECTOR, "input.score"):
        assert time.monotonic() - began < WAIT_S, chromium.page_source[:3000]
        time.sleep(0.1)
    seconds = time.monotonic() - began
    # What is typed before formgrader has asked for the scores is not saved.
    while not any(
        one.get_attribute("placeholder")
        for one in chromium.find_elements(By.CSS_SELECTOR, "input.score")
    ):
        assert time.monotonic() - began < WAIT_S, chromium.page_source[:3000]
        time.sleep(0.1)
    return request.param, seconds


def loaded(browser):
    script = "return performance.getEntriesByType('resource').map((one) => one.name)"
    return browser.execute_script(script)


def test_a_page_opens_soon_and_loads_nothing(opened, chromium, formgrader, asked):
    _, seconds = opened
    assert seconds < PAGE_S
    time.sleep(0.5)
    # The icon is asked for by the browser itself, whatever a page says.
    ours = (f"{formgrader}/formgrader/", f"{formgrader}/favicon.ico")
    ours += (f"{formgrader}/static/jupyter_server_mathjax/", "data:")
    assert [address for address in loaded(chromium) if not address.startswith(ours)] == []
    assert asked[0] == []


def test_formulas_are_set_without_a_network(opened, chromium):
    deadline = time.monotonic() + WAIT_S
    while not chromium.find_elements(By.CSS_SELECTOR, ".MathJax, .MathJax_Display"):
        assert time.monotonic() < deadline, "no formula is set"
        time.sleep(0.1)


def test_the_ta_stays_logged_in(opened, chromium, formgrader):
    chromium.get(f"{formgrader}/formgrader/manage_submissions/toy")
    assert "/login" not in chromium.current_url
    assert "toy" in chromium.find_element(By.TAG_NAME, "body").text


@pytest.mark.parametrize("name", GRADED)
def test_a_typed_mark_is_saved(opened, chromium, course, name):
    student, _ = opened
    box = next(
        one
        for one in chromium.find_elements(By.CSS_SELECTOR, "input.score")
        if one.get_attribute("id") == name
    )
    box.send_keys("1" if box.get_attribute("value") != "1" else Keys.BACKSPACE + "1")
    box.send_keys(Keys.TAB)
    deadline = time.monotonic() + WAIT_S
    saved = None
    while saved != 1.0 and time.monotonic() < deadline:
        time.sleep(0.2)
        with gradebook_of(course) as gradebook:
            saved = gradebook.find_grade(name, "toy", "toy", student).manual_score
    assert saved == 1.0


def test_no_link_of_a_student_leads_to_a_page_of_ours(opened, chromium):
    links = chromium.execute_script(
        "return [...document.querySelectorAll('.text_cell_render a:not(.anchor-link)')]"
        ".map((one) => one.getAttribute('href'))"
    )
    assert [link for link in links if "://" not in link and not link.startswith("mailto:")] == []


def test_a_picture_that_came_with_the_cell_is_shown(opened, chromium):
    pictures = chromium.find_elements(By.CSS_SELECTOR, ".text_cell_render img")
    assert [one.get_attribute("alt") for one in pictures] == ["my sketch"]
    assert pictures[0].get_attribute("src").startswith("data:image/png;base64,")
    assert pictures[0].get_attribute("naturalWidth") == "1"


def test_feedback_is_written_soon_and_loads_nothing(course, chromium, asked):
    config = course_config(course.course)
    began = time.monotonic()
    GenerateFeedback(coursedir=course_directory(course, config), config=config).start()
    assert time.monotonic() - began < 2 * PAGE_S
    for student in ("mallory", "ada"):
        page = course.course.root / f"feedback/{student}/toy/toy.html"
        chromium.get(page.as_uri())
        assert [address for address in loaded(chromium) if not address.startswith("data:")] == []
    assert asked[0] == []


def test_the_honest_student_keeps_the_score_and_so_does_the_attackers_code(course):
    for student in ("ada", "mallory"):
        result = json.loads(course.result(student).read_text())
        assert (result["score"], result["extra_credit"]) == (9.0, 1.0)
