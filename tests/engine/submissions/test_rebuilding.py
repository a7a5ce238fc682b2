"""Rebuilding: the student's answers in our notebook, and nothing else that a notebook claims."""

import nbformat
import pytest

from autograder.submissions.reading import parse
from autograder.submissions.rebuilding import rebuild


@pytest.fixture
def rebuilt(release, notebook):
    """Return a function that edits a student's notebook and rebuilds it."""
    import json

    def make(edit=lambda cells: None, **answers):
        made = notebook(**answers)
        edit(made["cells"])
        return rebuild(parse(json.dumps(made).encode(), "toy.ipynb"), release)

    return make


def name_of(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def find(cells, name):
    return next(cell for cell in cells if name_of(cell) == name)


def code(source, grade_id=None):
    marks = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {
        "cell_type": "code",
        "id": "added",
        "source": source,
        "metadata": marks,
        "outputs": [],
        "execution_count": None,
    }


def markdown(source):
    return {"cell_type": "markdown", "id": "added-text", "source": source, "metadata": {}}


def marks_of(notebook):
    return [dict(cell.metadata.get("nbgrader", {})) for cell in notebook.cells]


def test_an_untouched_notebook_is_ours_without_a_note(rebuilt, release):
    made = rebuilt(others="stub")
    assert made.notes == []
    assert marks_of(made.notebook) == marks_of(release)
    assert [c.source for c in made.notebook.cells] == [c.source for c in release.cells]
    nbformat.validate(made.notebook)


def test_answers_are_taken_over(rebuilt):
    made = rebuilt(square="def square(x): return 'mine'")
    assert made.notebook.cells[made.index_of("square")].source.endswith("'mine'")
    assert made.notes == []


def test_grade_cells_and_demos_are_not_run(rebuilt):
    made = rebuilt()
    sources = [source for _, source in made.cells_to_run()]
    assert not any("check(" in source and "with" in source.split("\n")[0] for source in sources)
    assert not any("a demo is not run" in source for source in sources)
    assert any(source.startswith("def square") for source in sources)


def test_a_missing_cell_is_put_back_at_its_place(rebuilt, release):
    made = rebuilt(lambda cells: cells.remove(find(cells, "square-tests")))
    assert made.notes == ["cell 'square-tests' was missing: put back as released"]
    assert marks_of(made.notebook) == marks_of(release)


def test_an_empty_notebook_is_filled_with_all_of_our_cells(rebuilt, release):
    made = rebuilt(lambda cells: cells.clear())
    names = [name_of(cell) for cell in release.cells if name_of(cell)]
    assert [name_of(cell) for cell in made.notebook.cells] == names
    first = "('setup', 'notebook_setup', 'notebook_data', …)"
    assert made.notes == [f"{len(names)} cells {first} were missing: put back as released"]


def test_a_cell_that_stands_twice_counts_once_and_runs_twice(rebuilt):
    second = code("def square(x): return x * x", "square")
    made = rebuilt(lambda cells: cells.append(second))
    assert made.notes == ["cell 'square' stands twice: the second is an added cell"]
    assert [name_of(cell) for cell in made.notebook.cells].count("square") == 1
    assert made.cells_to_run()[-1][1] == "def square(x): return x * x"


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_retyped_answer_is_code_again(rebuilt, kind):
    def retype(cells):
        cell = find(cells, "square")
        cell["cell_type"] = kind
        del cell["outputs"], cell["execution_count"]

    made = rebuilt(retype)
    assert made.notes == [f"cell 'square' was turned into {kind}: taken as code"]
    cell = made.notebook.cells[made.index_of("square")]
    assert cell.cell_type == "code"
    assert "x**2" in cell.source


def test_a_cell_type_of_no_letters_is_told_in_writable_text(rebuilt):
    made = rebuilt(lambda cells: find(cells, "square").update(cell_type="\ud800" + "x" * 5000))
    assert "was turned into" in made.notes[0]
    assert len(made.notes[0]) < 300
    made.notes[0].encode()


@pytest.mark.parametrize(
    ("mark", "value"), [("points", 99), ("grade", False), ("locked", False), ("solution", True)]
)
def test_edited_marks_are_ours_again(rebuilt, release, mark, value):
    def edit(cells):
        find(cells, "square-tests")["metadata"]["nbgrader"][mark] = value

    made = rebuilt(edit)
    assert made.notes == [f"cell 'square-tests': its '{mark}' was edited, and is ours again"]
    assert marks_of(made.notebook) == marks_of(release)


def test_an_invented_grade_cell_is_code_and_nothing_else(rebuilt):
    invented = code("print(100)", "bonus")
    invented["metadata"]["nbgrader"].update(grade=True, points=100, solution=False, locked=True)
    made = rebuilt(lambda cells: cells.append(invented))
    assert made.notes == ["cell 'bonus' is not of this notebook: taken as added"]
    assert made.notebook.cells[-1].metadata == {}
    assert made.notebook.cells[-1].source == "print(100)"


def test_the_tag_skip_execution_is_ignored(rebuilt):
    def tag(cells):
        find(cells, "square")["metadata"]["tags"] = ["skip-execution", "demo"]

    made = rebuilt(tag)
    assert made.notes == ["cell 'square': the tag 'skip-execution' is ignored"]
    assert any(source.startswith("def square") for _, source in made.cells_to_run())


def test_a_changed_locked_cell_is_ours_again(rebuilt, release):
    made = rebuilt(lambda cells: find(cells, "notebook_setup").update(source="check = print"))
    assert made.notes == ["locked cell 'notebook_setup' was changed: ours is used"]
    assert find(made.notebook.cells, "notebook_setup").source == (
        find(release.cells, "notebook_setup").source
    )
    assert len(made.notebook.cells) == len(release.cells)


@pytest.mark.parametrize(
    ("before", "after", "added"),
    [
        ("import sys\n", "import sys\nimport math\n", "import math"),
        ("import sys\n", "import sys, math\n", "import sys, math"),
        ("def plain(", "@cached\ndef mine(x):\n    return x\n\ndef plain(", None),
        ("import sys\n", "import sys\nprint('hello')\n", "print('hello')"),
        ("def expect(actual, expected", "def expect(one, other", ""),
        ("np.asarray(", "np.array(", ""),
        ("yield", "yield 1", ""),
        ("import sys\n", "import sys  # the system\n\n", ""),
        ("import sys\n", "import sys\n%matplotlib inline\n", None),
    ],
)
def test_what_was_added_to_a_locked_cell_runs_after_it(rebuilt, release, before, after, added):
    def change(cells):
        cell = find(cells, "notebook_setup")
        cell["source"] = cell["source"].replace(before, after)

    made = rebuilt(change)
    after_it = made.notebook.cells[made.index_of("notebook_setup") + 1]
    is_added = added != ""
    assert len(made.notebook.cells) == len(release.cells) + is_added
    if added:
        lines = [line for line in after_it.source.split("\n") if not line.startswith("#")]
        assert "\n".join(lines).strip() == added
    assert made.notes == [] or ("runs after it" in made.notes[0]) is is_added


def test_added_cells_stay_in_their_place(rebuilt):
    def add(cells):
        position = cells.index(find(cells, "square"))
        cells[position:position] = [code("helper = 1"), markdown("My <b>notes</b>")]

    made = rebuilt(add)
    position = made.index_of("square")
    assert made.notes == []
    assert made.notebook.cells[position - 2].source == "helper = 1"
    assert made.notebook.cells[position - 1].source == "My < b>notes< /b>"
    assert made.index_of("square") in dict(made.cells_to_run())


def test_an_answer_typed_into_the_task_is_kept_beside_our_question(rebuilt, release):
    question = find(release.cells, "why_squares").source
    made = rebuilt(lambda c: find(c, "why_squares").update(source=f"{question}\n\n$a<b$ <img>"))
    position = made.index_of("why_squares")
    assert made.notebook.cells[position].source == question
    assert made.notebook.cells[position + 1].source.endswith("$a< b$ < img>")
    assert name_of(made.notebook.cells[position + 1]) is None


def test_an_answer_typed_where_it_belongs_stands_directly_above_the_task(rebuilt):
    def answer(cells):
        prompt = next(cell for cell in cells if cell["source"] == "*Your answer:*")
        prompt["source"] = "*Your answer:* because $x^2 \\ge 0$"

    made = rebuilt(answer)
    assert made.notes == []
    assert made.notebook.cells[made.index_of("why_squares") - 1].source.endswith("\\ge 0$")


def test_the_kernel_and_the_metadata_are_ours(release, notebook):
    import json

    made = notebook()
    made["metadata"] = {"kernelspec": {"name": "evil", "display_name": "x"}, "title": "<script>"}
    rebuilt = rebuild(parse(json.dumps(made).encode(), "toy.ipynb"), release)
    assert rebuilt.notebook.metadata == release.metadata


def test_outputs_and_attachments_are_left_behind(rebuilt):
    def add(cells):
        html = {"text/html": "<script>alert(1)</script>"}
        cells[-1]["outputs"] = [{"output_type": "display_data", "data": html, "metadata": {}}]
        cells.append({**markdown("![a](attachment:a)"), "attachments": {"a": {"text/html": "x"}}})

    made = rebuilt(add)
    assert not any(cell.get("outputs") or cell.get("attachments") for cell in made.notebook.cells)


def test_rebuilding_twice_gives_the_same_notebook(rebuilt, release):
    first = rebuilt(lambda cells: cells.append(code("x = 1"))).notebook
    again = rebuild(parse(nbformat.writes(first).encode(), "toy.ipynb"), release)
    assert again.notes == []
    assert nbformat.writes(again.notebook) == nbformat.writes(first)
