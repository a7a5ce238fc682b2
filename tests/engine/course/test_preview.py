"""A preview: the chapter run with its references; without answers, nothing that is not released."""

import html

import nbformat
import pytest
from click.testing import CliRunner

from autograder.cli import main
from autograder.course.preview import faults, preview, write_preview
from autograder.errors import CourseError

SECRETS = ("x**2", "0.5 * (weights", "SOLUTION", "MARK SCHEME", "Two points for a reason")


def run(assignment, *arguments):
    command = ["--course", str(assignment.course.root), "preview", assignment.name, *arguments]
    return CliRunner().invoke(main, command)


def texts(notebook):
    return "\n".join(cell.source for cell in notebook.cells)


def printed(notebook):
    return "\n".join(
        str(output.get("text", output.get("data", "")))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )


def with_a_harmless_demo(assignment):
    """The toy's own demo raises, for grading does not run it."""
    text = assignment.master.read_text()
    demo = 'raise RuntimeError("a demo is not run in grading")'
    assert demo in text
    assignment.master.write_text(text.replace(demo, 'print("a demo")'))
    return assignment


@pytest.fixture(scope="module")
def previews(copy_toy, tmp_path_factory):
    """The toy's preview, with answers and without, as it lies in a folder."""
    toy = with_a_harmless_demo(copy_toy(tmp_path_factory.mktemp("course") / "toy"))
    made = {}
    for without in (False, True):
        folder = tmp_path_factory.mktemp("preview")
        notebook = preview(toy, without_answers=without)
        write_preview(notebook, toy, folder)
        made[without] = notebook, folder
    return made


@pytest.mark.parametrize("without", [False, True])
def test_it_is_run_with_the_references_and_a_right_course_has_no_fault(previews, without):
    notebook, _ = previews[without]
    assert "✓ sum_of_squares: the visible checks pass." in printed(notebook)
    assert faults(notebook) == []


def test_it_shows_answers_and_marking_scheme_to_the_author(previews):
    notebook, _ = previews[False]
    assert all(secret in texts(notebook) for secret in SECRETS)


def test_without_answers_no_byte_of_it_tells_one(previews):
    notebook, folder = previews[True]
    assert "raise NotImplementedError()" in texts(notebook)
    for path in (folder / "toy.ipynb", folder / "toy.html"):
        assert not [secret for secret in SECRETS if secret in path.read_text()]


def test_the_notebook_can_be_opened_and_the_page_leaves_out_what_is_folded(previews):
    _, folder = previews[False]
    nbformat.validate(nbformat.read(folder / "toy.ipynb", as_version=4))
    page = (folder / "toy.html").read_text()
    assert "Okabe and Ito" not in page
    assert "the visible checks pass" in page


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return x**2", "return x**3", "(square-tests): ✗ square: "),
        ("with check(", "1 / 0\nwith check(", "(square-tests): ZeroDivisionError: division by"),
    ],
)
def test_a_fault_is_named_and_the_rest_is_shown(toy_copy, tmp_path, old, new, said):
    for path in (toy_copy.solutions, toy_copy.master):
        path.write_text(path.read_text().replace(old, new, 1))
    ended = run(toy_copy, "-o", str(tmp_path / "out"))
    assert ended.exit_code == 1
    assert said in ended.output
    assert (tmp_path / "out" / "toy.html").is_file()


def test_it_is_of_the_master_as_it_is_now_and_leaves_what_is_built(toy_copy):
    before = toy_copy.release_notebook.read_bytes()
    text = with_a_harmless_demo(toy_copy).master.read_text()
    toy_copy.master.write_text(text.replace("The first", "The very first"))
    ended = run(toy_copy, "--without-answers")
    assert ended.exit_code == 0, ended.output
    folder = toy_copy.course.root / "preview"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "The very first" in (folder / "toy.html").read_text()
    assert toy_copy.release_notebook.read_bytes() == before


def test_without_a_kernel_one_line_says_what_to_install(toy, monkeypatch):
    monkeypatch.setattr("autograder.course.preview._KERNEL", "no_such_kernel")
    with pytest.raises(CourseError, match=r"no kernel 'no_such_kernel' .* pip install ipykernel"):
        preview(toy)


PICTURES = {
    "Draws squares & <cubes>": "# Draws squares & <cubes>\nplt.plot([1, 4])\nplt.show()",
    "left, right": "for title, ax in zip(['left', 'right'], plt.subplots(1, 2)[1]):\n"
    "    ax.set_title(title)",
    "A figure.": "plt.plot([1, 4])",
}


def test_pictures_have_words_for_who_does_not_see_them(toy_copy):
    blocks = "\n\n".join(f"```python\n{source}\n```" for source in PICTURES.values())
    text = with_a_harmless_demo(toy_copy).master.read_text()
    toy_copy.master.write_text(text.replace("## Going further", f"{blocks}\n\n## Going further"))
    shown = [
        output["data"]
        for cell in preview(toy_copy).cells
        if cell.cell_type == "code" and cell.source in PICTURES.values()
        for output in cell.outputs
    ]
    pages = [data["text/html"] for data in shown if "image/png" in data]
    assert [html.unescape(page.split('alt="')[1][:-2]) for page in pages] == list(PICTURES)
    assert "<cubes>" not in pages[0]
