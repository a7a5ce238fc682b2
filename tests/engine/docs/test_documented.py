"""What a person may set, meet or read has its row in the docs; a row more or less fails here."""

import ast
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import get_args

import click
import pytest
from pydantic import BaseModel

from autograder.cli import main
from autograder.results.document import SubmissionResult
from autograder.results.verdicts import VERDICT_WORDS, Verdict
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire import messages

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"

# Where the fields of each part of the results document stand in docs/results.md.
SECTIONS = {
    "SubmissionResult": "A submission",
    "ExerciseResult": "An exercise",
    "TestResult": "A test",
    "OwnLine": "A line of the student's own code",
    "CellOutput": "A cell",
    "Key": "What a result depends on",
}
CODE_THAT_PEOPLE_RUN = ("autograder", "bench", "scripts", "tests/seeds", "docs/images", ".ci")
SHELL_VARIABLE = re.compile(r"\$\{?([A-Z][A-Z0-9_]*)\b")
SHELL_ASSIGNMENT = re.compile(r"\b([A-Z][A-Z0-9_]*)=")


def section(path, heading):
    """The text below a heading, up to the next one of its own or a higher level."""
    found = re.search(
        rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)",
        path.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert found, f"{path.name} has no section {heading!r}"
    return found[2]


def rows(text):
    """The rows of a text's tables, without their heads: each a list of cells."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [number for number, row in enumerate(cells) if set("".join(row)) <= set("-: ")]
    heads = {number - 1 for number in ruled} | set(ruled)
    return [row for number, row in enumerate(cells) if number not in heads]


def names(text):
    """What stands in the first cells of a text's tables in backticks."""
    return [name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])]


def options(command):
    """The options of a command, in all their spellings."""
    given = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    return {spelling for one in given for spelling in (*one.opts, *one.secondary_opts)}


COMMANDS = {"autograder": main} | {f"autograder {name}": one for name, one in main.commands.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_has_its_row_and_no_other_has(command):
    documented = names(section(DOCS / "commands.md", command))
    assert len(documented) == len(set(documented))
    assert set(documented) - {"-h", "--help"} == options(COMMANDS[command])


def test_every_limit_has_its_row_with_its_default():
    documented = {
        name: row[1]
        for row in rows(section(DOCS / "instructor.md", "Configuration"))
        for name in re.findall(r"`([^`]+)`", row[0])
    }
    defaults = {field.name: f"{field.default:g}" for field in fields(Limits)}
    assert documented.keys() == defaults.keys()
    for name, default in defaults.items():
        assert documented[name].split()[0] == default, name


def test_every_verdict_has_its_row_for_the_ta():
    assert names(section(DOCS / "ta.md", "Verdicts")) == list(Verdict)


def test_the_verdicts_stand_in_their_order_in_the_results_document():
    text = section(DOCS / "results.md", "Verdicts")
    order = text[: text.index(". The")]
    assert re.findall(r"`([A-Z_]+)`", order) == list(Verdict)


def test_every_verdict_has_its_words_for_the_student():
    documented = [row[0] for row in rows(section(DOCS / "student.md", "What feedback looks like"))]
    assert ", ".join(documented).split(", ") == [VERDICT_WORDS[one] for one in Verdict]


def models(model):
    """The parts of the results document, from the whole on down."""
    found = [model]
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found += models(part)
    return found


@pytest.mark.parametrize("model", models(SubmissionResult), ids=lambda one: one.__name__)
def test_every_field_of_the_results_document_has_its_row(model):
    written = [name for name, field in model.model_fields.items() if not field.exclude]
    documented = names(section(DOCS / "results.md", SECTIONS[model.__name__]))
    # `"box"` and the like are values.
    assert [name for name in documented if name.isidentifier()] == written


@pytest.mark.parametrize(
    ("heading", "written"),
    [
        ("Into the box", (*messages.FROM_JUDGE, *messages.ANSWERS_OF_JUDGE)),
        ("Out of the box", messages.FROM_BOX),
    ],
)
def test_every_message_that_crosses_the_wall_has_its_row(heading, written):
    found = rows(section(DOCS / "wire.md", heading))
    documented = {row[0].strip("`"): set(re.findall(r"`([^`]+)`", row[2])) for row in found}
    assert documented == {one.__name__: set(one.__annotations__) for one in written}


def files(*folders):
    """What git tracks in these folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def variables_read_by_python(source):
    """The environment variables that a module reads; what is no plain name is looked up there."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        read = _read_variable(node)
        if isinstance(read, ast.Name):
            yield constants[read.id]
        elif read is not None:
            yield ast.literal_eval(read)


def _read_variable(node):
    if isinstance(node, ast.Subscript) and _is_environment(node.value):
        return node.slice if isinstance(node.ctx, ast.Load) else None
    if isinstance(node, ast.Compare) and _is_environment(node.comparators[0]):
        return node.left
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        reads = node.func.attr in {"get", "setdefault", "pop"} and _is_environment(node.func.value)
        return node.args[0] if reads or node.func.attr == "getenv" else None
    return None


def _is_environment(node):
    return isinstance(node, ast.Attribute) and node.attr in {"environ", "environb"}


def variables_read_by_a_script(source):
    """The variables in capitals that a shell script reads and does not set itself."""
    return set(SHELL_VARIABLE.findall(source)) - set(SHELL_ASSIGNMENT.findall(source))


def test_the_ways_to_read_a_variable_are_known():
    source = (
        'import os\nN = "E"\nos.environ["A"]\nos.environ.get("B", "")\nos.getenv("C")\n'
        '"D" in os.environ\nos.environ.get(N)\nos.environ["X"] = "1"\nother["Y"]\n'
    )
    assert sorted(variables_read_by_python(source)) == ["A", "B", "C", "D", "E"]
    assert variables_read_by_a_script('B=1 C="${A:-/x}/$B"') == {"A"}


def test_every_environment_variable_that_is_read_has_its_row():
    read = set()
    for path in files(*CODE_THAT_PEOPLE_RUN):
        if path.suffix == ".py":
            read |= set(variables_read_by_python(path.read_text(encoding="utf-8")))
        elif path.suffix in {"", ".sh"} and path.read_bytes().startswith(b"#!/usr/bin/env bash"):
            read |= variables_read_by_a_script(path.read_text(encoding="utf-8"))
    assert set(names(section(DOCS / "commands.md", "Environment variables"))) == read


def test_every_make_target_has_its_row():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z][a-z-]*):(?![=])", makefile, re.MULTILINE)
    documented = names(section(ROOT / "CONTRIBUTING.md", "Make"))
    assert documented == list(dict.fromkeys(documented))
    assert {name.removeprefix("make ") for name in documented} == set(targets)
