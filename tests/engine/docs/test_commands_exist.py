"""A page names no command, target or option that is not there."""

import ast
import itertools
import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from nbgrader.apps.nbgraderapp import NbGraderApp
from traitlets.utils.importstring import import_item

from autograder.cli import main
from shared.shown_commands import ROOT, Shown, in_blocks, in_text, pages

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?![=])", MAKEFILE, re.MULTILINE))
MAKE_VARIABLES = set(re.findall(r"^([A-Z]+) *\??:?=", MAKEFILE, re.MULTILINE)) | {"OPTIONS"}
SCRIPTS = Path(sys.executable).parent
# A word that stands for others: `COMMAND`, `…`, `ASSIGNMENT`, `N`.
STANDS_FOR = re.compile(r"[A-Z_]+|\W+|\[.*|.*…")


def simple_commands(shown):
    """The commands that a shell runs one by one, as words."""
    tokens = shlex.shlex(shown.line, posix=True, punctuation_chars="&|;")
    tokens.whitespace_split = True
    ends = itertools.groupby(tokens, key=lambda token: set(token) <= set("&|;"))
    return [list(words) for is_end, words in ends if not is_end]


def options_of(command):
    given = [one for one in command.params if isinstance(one, click.Option)]
    return {spelling for one in given for spelling in (*one.opts, *one.secondary_opts)} | {
        *("-h", "--help")
    }


def wrong_with_autograder(words):
    """What is not there of a line of ours: the command, or an option of it or of all."""
    known, command = options_of(main), None
    for word in words:
        name = word.split("=")[0]
        if name.startswith("-"):
            if name not in known and not re.fullmatch(r"-[a-z]\d+", name):
                yield name
        elif command is None and words[words.index(word) - 1] != "--course":
            command = main.commands.get(word)
            if command is None:
                if not STANDS_FOR.fullmatch(word):
                    yield word
                return
            known = known | options_of(command)


def wrong_with_make(words):
    for word in words:
        name, equals, _ = word.partition("=")
        there = MAKE_VARIABLES if equals else TARGETS
        if name not in there and not STANDS_FOR.fullmatch(word):
            yield word


def wrong_with_nbgrader(words):
    application = NbGraderApp()
    for word in words:
        name = word.split("=")[0]
        if name.startswith("--"):
            known = {*application.flags, *application.aliases, "help", "help-all"}
            if name.lstrip("-") not in known and "." not in name:
                yield name
        elif name in application.subcommands:
            application = _class_of(application.subcommands[name][0])()
        elif application.subcommands and not STANDS_FOR.fullmatch(word):
            yield word
            return


def _class_of(application):
    return import_item(application) if isinstance(application, str) else application


def wrong_with_jupyter(words):
    if not (SCRIPTS / f"jupyter-{words[0]}").exists():
        yield words[0]


WRONG_WITH = {
    "autograder": wrong_with_autograder,
    "make": wrong_with_make,
    "nbgrader": wrong_with_nbgrader,
    "jupyter": wrong_with_jupyter,
}


def wrong_with(words):
    return list(WRONG_WITH[words[0]](words[1:])) if words and words[0] in WRONG_WITH else []


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("autograder grade a01_pca -j4 --force", []),
        ("autograder --course demo grade a01_pca --json", []),
        ("autograder COMMAND --help", []),
        ("autograder marks a01_pca", ["marks"]),
        ("autograder grade a01_pca --fast", ["--fast"]),
        ("autograder build --json", ["--json"]),
        ("make lab ROLE=student", []),
        ("make PYTHON=python3.12 …", []),
        ("make coffee MILK=1", ["coffee", "MILK=1"]),
        ('nbgrader db assignment add a01 --duedate="2026-01-10"', []),
        ("nbgrader autograde a01 --force --Exchange.root=/x", []),
        ("nbgrader mark a01", ["mark"]),
        ("nbgrader db pupil add jo", ["pupil"]),
        ("nbgrader collect --dates", ["--dates"]),
        ("jupyter lab", []),
        ("jupyter coffee", ["coffee"]),
    ],
)
def test_what_is_not_there_is_found(line, wrong):
    [words] = simple_commands(Shown("", line))
    assert wrong_with(words) == wrong


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_names_is_there(page):
    lost = {
        str(shown): wrong
        for shown in (*in_blocks(page), *in_text(page))
        for words in simple_commands(shown)
        if (wrong := wrong_with(words))
    }
    assert lost == {}


def messages():
    """The texts of the engine, f-strings with a gap where something is put in."""
    for path in sorted((ROOT / "autograder").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [one.value if isinstance(one, ast.Constant) else "…" for one in node.values]
                yield path, "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value


def test_every_command_that_a_message_names_is_there():
    lost = {
        (path.name, code): wrong
        for path, text in messages()
        for code in re.findall(r"`((?:autograder|make|nbgrader) [^`\n]+)`", text)
        for words in simple_commands(Shown(path.name, code))
        if (wrong := wrong_with(words))
    }
    assert lost == {}
