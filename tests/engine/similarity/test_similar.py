"""Copied answers are found whatever their names and layout; what everybody writes is not."""

import json
import time

import pytest
from click.testing import CliRunner

from autograder.cli import main
from autograder.similarity.answers import Answer, read_class
from autograder.similarity.comparing import common_from, compare, similar_pairs
from autograder.similarity.side_by_side import render_pairs
from autograder.similarity.tokens import Vocabulary, code_lines, prose_lines
from autograder.submissions.finding import Found

ODD = '''def weighted_energy(x, weights):
    """Return it."""
    total = torch.zeros(len(x), dtype=x.dtype)
    for column in range(x.shape[1]):
        # go on
        total = total + weights[column] * x[:, column] * x[:, column]
    scaled = total * 2 - total
    return scaled / 2 if scaled.ndim else scaled.reshape(1)
'''
COPIED = """def weighted_energy(x, weights):
    # my own work
    acc = torch.zeros( len(x), dtype = x.dtype )

    for j in range(x.shape[1]): acc = acc + weights[j] * x[:, j] * x[:, j]
    out = acc*2 - acc
    return out / 2 if out.ndim else out.reshape(1)  # <script>alert(1)</script>
"""
OTHER = """def weighted_energy(x, weights):
    squares = torch.pow(x, 2)
    return torch.einsum("bd,d->b", squares, weights).mul(0.5)
"""


@pytest.fixture
def submissions_of(tmp_path, submit):
    """Return a function that makes submissions from code by exercise, by student."""

    def make(**students):
        found = []
        for student, cells in students.items():
            path = tmp_path / f"{student}.ipynb"
            path.write_bytes(cells if isinstance(cells, bytes) else submit("stub", **cells))
            found.append(Found(student, path, False))
        return found

    return make


@pytest.fixture
def pairs(toy, submissions_of):
    def find(threshold=0.8, **students):
        return similar_pairs(read_class(toy, submissions_of(**students)), threshold)

    return find


def test_a_copy_with_other_names_comments_and_layout_is_found(pairs):
    (pair,) = pairs(
        ada={"weighted_energy": ODD},
        bob={"weighted_energy": COPIED},
        eve={"weighted_energy": OTHER},
    )
    (alike,) = pair.exercises
    assert pair.students == ("ada", "bob")
    assert (alike.exercise, alike.similarity) == ("weighted_energy", 1.0)
    assert (3, 3) in alike.lines


def test_two_who_left_the_stub_are_not_alike(pairs):
    assert pairs(threshold=0.0, ada={}, bob={}) == []


def test_an_answer_the_course_itself_knows_is_not_suspicious(pairs, references):
    same = {name: source.replace("x**2", "x ** 2") for name, source in references.items()}
    assert pairs(threshold=0.0, ada=dict(references), bob=same) == []


def test_what_many_wrote_is_not_suspicious_and_what_few_wrote_is(pairs):
    many = {f"s{number}": {"weighted_energy": ODD} for number in range(common_from(7))}
    assert pairs(**many) == []
    few = {**dict(list(many.items())[1:]), "eve": {"weighted_energy": OTHER}}
    assert len(pairs(**few)) == 10


def test_the_bound_for_many_is_a_tenth_within_limits():
    assert [common_from(size) for size in (2, 50, 200, 2000)] == [6, 6, 21, 31]


def test_code_moved_to_an_added_cell_is_compared_too(pairs, notebook):
    students = {}
    for student in ("ada", "bob"):
        made = notebook("stub")
        cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        made["cells"].insert(3, {**cell, "id": "x", "source": ODD.replace("energy", student)})
        students[student] = json.dumps(made).encode()
    (pair,) = pairs(**students)
    assert [one.exercise for one in pair.exercises] == ["added cells"]


def test_a_derivation_copied_word_for_word_is_found(pairs, notebook):
    proof = "Since $x^2$ is never negative,\n\nerrors of both signs add up, and so nothing cancels."
    students = {}
    for student in ("ada", "bob"):
        made = notebook("stub")
        place = next(
            number
            for number, cell in enumerate(made["cells"], 1)
            if cell["metadata"].get("nbgrader", {}).get("task")
        )
        cell = {"cell_type": "markdown", "metadata": {}, "id": "y", "source": proof}
        made["cells"].insert(place, cell)
        students[student] = json.dumps(made).encode()
    (pair,) = pairs(**students)
    assert [one.exercise for one in pair.exercises] == ["why_squares"]
    assert pair.lines_in_common == 2


@pytest.mark.parametrize(
    "hostile",
    [
        "def f(:\n" * 200,
        "(" * 60_000,
        '"""' + "x" * 60_000,
        "\x00\x1b[31m",
        "x = '\ud800'",
        "",
        "λ" * 9,
    ],
)
def test_broken_code_has_tokens_too(hostile):
    lines = code_lines(hostile, Vocabulary())
    assert sum(len(line.tokens) for line in lines) <= 5_000
    assert prose_lines(hostile, Vocabulary()) is not None


def test_blank_lines_do_not_cost_their_square():
    start = time.process_time()
    assert [line.number for line in code_lines("\n " * 20_000 + "\r\nx\r\n", Vocabulary())] == [
        20_002
    ]
    assert time.process_time() - start < 2  # Seconds; 40 of them if each were looked at anew.


def test_a_huge_answer_costs_no_more_than_a_large_one():
    many = code_lines("a = b + 1\n" * 100_000, Vocabulary())
    assert sum(len(line.tokens) for line in many) <= 5_000


def test_names_that_all_know_count_and_own_ones_do_not():
    known = Vocabulary(Vocabulary().names | {"np", "X"})
    (line,) = code_lines("mu = np.mean(X, 0) + len('a') # c", known)
    assert line.tokens[:10] == ("name", "=", "np", ".", "mean", "(", "X", ",", "0", ")")
    assert line.tokens[10:] == ("+", "len", "(", "''", "''", "''", ")")


def test_the_most_suspicious_pair_comes_first(pairs):
    longer = ODD + "    # and more\n    unused = [total for total in range(3) if total % 2]\n"
    squares = "def square(x):\n    parts = [v * v for v in x.tolist() if v or not v]\n"
    squares += "    return np.array(parts, dtype=x.dtype)"
    found = pairs(
        ada={"weighted_energy": longer, "square": squares},
        bob={"weighted_energy": longer, "square": squares},
        eve={"square": squares},
    )
    assert [pair.students for pair in found] == [("ada", "bob"), ("ada", "eve"), ("bob", "eve")]
    assert found[0].suspicion > found[1].suspicion
    assert len(found[0].exercises) == 2


def test_an_unreadable_notebook_is_told_and_the_rest_compared(toy, submissions_of):
    answers = read_class(toy, submissions_of(ada={"square": ODD}, bob=b"{"))
    assert [answer.student for answer in answers.by_exercise["square"]] == ["ada"]
    assert "'bob': bob.ipynb is cut off in line 1" in answers.unreadable[0]


def test_only_pairs_that_share_something_rare_are_compared():
    lines = tuple(code_lines(ODD, Vocabulary()))
    answers = [Answer(f"s{number}", lines) for number in range(40)]
    assert list(compare("e", answers, [], 0.0)) == []
    assert len(list(compare("e", answers[:2], [], 0.0))) == 1


def test_the_page_side_by_side_escapes_what_students_wrote(pairs):
    odd = ODD.replace("total * 2", "total * 2 * len('<script>')")
    found = pairs(ada={"weighted_energy": odd}, bob={"weighted_energy": odd})
    page = render_pairs("toy", found)
    assert "<script" not in page
    assert "<mark>    scaled = total * 2 * len(&#39;&lt;script&gt;&#39;) - total</mark>" in page


def test_a_students_name_is_not_obeyed(toy, submissions_of, tmp_path):
    for student in ("\x1b[2J", "\udcff"):
        (found,) = submissions_of(**{student: {"weighted_energy": ODD}})
        assert found.path.exists()
    page = tmp_path / "page.html"
    command = [
        "--course",
        str(toy.course.root),
        "similar",
        "toy",
        str(tmp_path),
        "--html",
        str(page),
    ]
    done = CliRunner().invoke(main, command, catch_exceptions=False)
    assert "\\x1b[2J" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\\udcff" in done.stdout


def test_the_command(toy, submissions_of, tmp_path):
    submissions_of(ada={"weighted_energy": ODD}, bob={"weighted_energy": COPIED})
    page = tmp_path / "page.html"
    command = ["--course", str(toy.course.root), "similar", "toy", str(tmp_path)]
    done = CliRunner().invoke(main, [*command, "--json"], catch_exceptions=False)
    (pair,) = json.loads(done.stdout)["pairs"]
    assert pair["students"] == ["ada", "bob"]
    assert pair["exercises"][0]["similarity"] == 1.0
    done = CliRunner().invoke(main, [*command, "--html", str(page)], catch_exceptions=False)
    assert "weighted_energy 100%" in done.stdout
    assert "1 pairs of 2 submissions" in done.stdout
    assert page.read_text().startswith("<!doctype html>")
