"""No control character of a stranger's reaches a terminal, a table, a log, a page or a cell."""

import ast
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import autograder
from autograder.safe_text import (
    for_cell,
    for_json,
    for_markup,
    for_output,
    for_page,
    for_terminal,
)
from shared.commands import run_forked

ENGINE = Path(autograder.__file__).parent
CLEAR, TITLE = "\x1b[2J", "\x1b]0;owned\x07"
CONTROLS = [chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]]
HOSTILE = [*CONTROLS, "\u202e", "\u2066", "\ufeff", "\udc80", "\u2028"]


@pytest.mark.parametrize("sign", HOSTILE, ids=lambda sign: f"U+{ord(sign):04X}")
def test_a_terminal_obeys_nothing(sign):
    for shown in (for_terminal(f"a{sign}b"), for_markup(f"a{sign}b")):
        assert all(one.isprintable() for one in shown), shown
        shown.encode("utf-8")


@pytest.mark.parametrize("text", ["José Ωμέγα", "Žluťoučký 🐎", "نمی\u200cخواهم", "a b", "x_y-1"])
def test_names_stay_as_they_are(text):
    assert for_terminal(text) == for_page(text) == for_cell(text) == text


def test_rich_finds_no_mark():
    assert for_markup("[red]x[/red]") == "\\[red]x\\[/red]"


@pytest.mark.parametrize("sign", HOSTILE, ids=lambda sign: f"U+{ord(sign):04X}")
def test_a_page_has_lines_and_tabs_and_no_other_control(sign):
    shown = for_page(f"a{sign}b")
    assert not set(CONTROLS).difference("\t\n") & set(shown)
    shown.encode("utf-8")


def test_an_output_keeps_its_colours_and_its_lines_start():
    assert for_output("\x1b[31mred\x1b[0m\r\n\x00\x9b") == "\x1b[31mred\x1b[0m\r\n\ufffd\ufffd"


@pytest.mark.parametrize("what", [None, 3, b"bytes", ["text"]])
def test_what_is_no_text_is_an_empty_one(what):
    assert for_page(what) == for_output(what) == ""


@pytest.mark.parametrize("sign", CONTROLS, ids=lambda sign: f"U+{ord(sign):04X}")
def test_json_holds_no_control_as_itself(sign):
    text = for_json({f"k{sign}": [sign]})
    assert text.isprintable()
    assert json.loads(text) == {f"k{sign}": [sign]}


def calls(path):
    """Yield the name and the line of each call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_nothing_else_in_the_engine_escapes_or_strips():
    """Or prints: a command says all it says through `cli/display.py`."""
    homes = {ENGINE / "safe_text.py", ENGINE / "cli" / "display.py"}
    # In a cluster's coordinator, in Gradescope's container, in a notebook: through `for_terminal`.
    printing = {ENGINE / "cluster" / "pool.py", ENGINE / "exports" / "gradescope_run.py"}
    printing.add(ENGINE / "course" / "in_jupyter.py")
    odd = []
    for path in sorted(set(ENGINE.rglob("*.py")) - homes):
        text = path.read_text(encoding="utf-8")
        for name, line in calls(path):
            last = name.rpartition(".")[2]
            escapes = last in {"escape", "isprintable"} and name != "re.escape"
            prints = name in {"print", "click.echo", "click.secho"} or last == "add_row"
            if last == "add_row" and name == "add_row":
                prints = False
            if prints and path in printing:
                prints = "for_terminal(" not in text.splitlines()[line - 1]
            odd += [f"{path.relative_to(ENGINE)}:{line}: {name}"] if escapes or prints else []
        odd += (
            [f"{path.relative_to(ENGINE)}: a pattern of controls"] if "\\x00-\\x0" in text else []
        )
    assert odd == []


STUDENTS = [f"eve{CLEAR}", f"mallory{TITLE}[red]", "oscar\nada 40/40", "trudy\u202egnp"]


@pytest.fixture(scope="module")
def hostile_class(toy, tmp_path_factory):
    """A course whose submissions are hostile in every name and text there is."""
    root = tmp_path_factory.mktemp("hostile") / "course"
    shutil.copytree(toy.course.root, root)
    release = json.loads((root / "release/toy/toy.ipynb").read_text())
    payload = f"{CLEAR}{TITLE}\x9b2J"
    for cell in release["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "square":
            cell["source"] = f"def square(x):\n    raise ValueError({payload!r} + '[red]')"
    odd = json.loads(json.dumps(release))
    odd["cells"].append(
        {
            "cell_type": payload,
            "metadata": {"nbgrader": {"grade_id": payload, "points": payload}},
            "source": payload,
        }
    )
    contents = [
        json.dumps(release),
        json.dumps(odd),
        json.dumps({"cells": [], "nbformat": payload}),
    ]
    for number, student in enumerate(STUDENTS):
        path = root / "submitted" / student / "toy" / "toy.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(contents[number % len(contents)])
    lost = root / "submitted" / f"lost{CLEAR}" / "toy"
    lost.mkdir(parents=True)
    (lost / f"other{TITLE}.ipynb").write_text("{}")
    with zipfile.ZipFile(root / f"download{CLEAR}.zip", "w") as archive:
        archive.writestr(f"walter{TITLE}_1_2_toy.ipynb", contents[0])
        archive.writestr(f"../{CLEAR}up.ipynb", contents[0])
        archive.writestr(f"notes{CLEAR}.txt", "x")
    return root


def run(root, *words):
    """Run a command; return all it said."""
    done = run_forked(root, "autograder", *words)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def run_on_a_terminal(root, *words):
    """Run a command on a terminal; return all that the terminal got."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "autograder", *words],
        cwd=root,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    ) as process:
        os.close(theirs)
        got = b""
        while select.select([ours], [], [], 120)[0]:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            got += part
            if not part:
                break
        process.wait(timeout=60)
    os.close(ours)
    return got.decode("utf-8", "replace")


COMMANDS = [
    ("grade", "toy"),
    ("grade", "toy", "--what-changed", "--force"),
    ("grade", "toy", f"submitted/{STUDENTS[0]}", "--json"),
    ("grade", "toy", f"no{CLEAR}such.ipynb"),
    ("collect", "toy", f"download{CLEAR}.zip", "--dry-run"),
    ("similar", "toy", "--threshold", "0.1"),
    ("similar", "toy", "--json"),
    ("export", "toy", "--to", "csv", "-o", "-"),
    ("export", "toy", "--to", "canvas", "-o", "-"),
    ("report", "toy"),
    ("build", f"to{CLEAR}y"),
    ("check", f"to{CLEAR}y"),
    (f"gra{CLEAR}de",),
    ("grade", "toy", f"--no{TITLE}"),
]


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: ascii(" ".join(words)))
def test_no_command_passes_a_strangers_control_on(hostile_class, words):
    said = run(hostile_class, *words)
    assert said
    assert not set(CONTROLS).difference("\n", "\r") & set(said), ascii(said)
    for line in said.splitlines():
        assert not line.startswith("ada 40/40")


@pytest.mark.box
@pytest.mark.slow
@pytest.mark.parametrize("words", [COMMANDS[0], COMMANDS[4]], ids=["grade", "collect"])
def test_nor_on_a_terminal(hostile_class, words):
    said = run_on_a_terminal(hostile_class, *words)
    assert "eve" in said or "walter" in said
    assert CLEAR not in said
    assert "\x1b]" not in said
    assert "\x9b" not in said
    assert "\u202e" not in said


@pytest.mark.box
@pytest.mark.slow
def test_nor_into_a_log_of_ours(hostile_class):
    # The gradebook refuses the hostile ids themselves: one of a plain name is entered, and noted.
    odd = hostile_class / "submitted" / STUDENTS[1] / "toy/toy.ipynb"
    plain = hostile_class / "submitted/plain/toy/toy.ipynb"
    plain.parent.mkdir(parents=True)
    shutil.copyfile(odd, plain)
    for _ in range(2):
        run(hostile_class, "grade", "toy", "--force")
    text = (hostile_class / "results" / "nbgrader.log").read_text()
    assert "plain: cell" in text
    assert not set(CONTROLS).difference("\n") & set(text), ascii(text)
