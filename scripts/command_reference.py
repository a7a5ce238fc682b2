"""Write the commands of docs/commands.md from the program itself.

python scripts/command_reference.py            # write what has changed
python scripts/command_reference.py --check    # write nothing; exit 1 if it is stale
"""

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from autograder.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
BEGIN, END = "<!-- written by scripts/command_reference.py -->", "<!-- to here -->"

# Where a guide shows how a command is used.
GUIDES = {
    "preview": "authoring.md#seeing-it",
    "init": "instructor.md#another-course",
    "build": "instructor.md#build-check-calibrate",
    "check": "instructor.md#build-check-calibrate",
    "new": "instructor.md#adding-an-exercise",
    "calibrate": "instructor.md#build-check-calibrate",
    "doctor": "troubleshooting.md",
    "demo": "instructor.md#a-made-up-class",
    "collect": "ta.md#from-your-learning-platform",
    "grade": "ta.md#one-command",
    "marking": "ta.md#derivations-by-hand",
    "feedback": "ta.md#feedback-to-the-students",
    "report": "ta.md#reports",
    "export": "ta.md#scores-for-other-systems",
    "handout": "instructor.md#a-zip-for-students",
    "forget": "privacy.md",
    "similar": "ta.md#similar-answers",
}


def reference() -> str:
    """Return the section of each command, in the order in which they are registered."""
    parts = [_section("autograder", main, None)]
    for name, command in main.commands.items():
        parts.append(_section(f"autograder {name}", command, GUIDES.get(name)))
    return "\n\n".join(parts)


def _section(name: str, command: click.Command, guide: str | None) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    more = [f"How it is used: [the guide]({guide})."] if guide else []
    return "\n\n".join(
        [f"## {name}", f"    {name} {usage}", *_paragraphs(command), *more, _options(context)]
    )


def _paragraphs(command: click.Command) -> Iterator[str]:
    """Yield what a command's help says; what click leaves as it is becomes a block of code."""
    for part in inspect.cleandoc(command.help or "").split("\n\n"):
        if part.startswith("\b\n"):
            yield "\n".join(f"    {line}" for line in part.split("\n")[1:])
        else:
            yield _plain(part)


def _options(context: click.Context) -> str:
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    if not options:
        return "It has no options."
    return "\n".join(
        ["| option | what it does |", "|---|---|", *(_row(one, context) for one in options)]
    )


def _row(option: click.Option, context: click.Context) -> str:
    """Return an option's row: its spellings, what it takes, what its help says, its default."""
    record = option.get_help_record(context)
    assert record is not None, f"{option.name} is hidden, and hidden options are not documented"
    spellings = [f"`{one}`" for one in (*option.opts, *option.secondary_opts)]
    if not option.is_flag and not option.count:
        spellings.append(option.make_metavar(context).strip("[]").replace("|", ", "))
    return f"| {' '.join(spellings)} | {_plain(record[1])} |"


def _plain(words: str) -> str:
    """Return text as Markdown on one line: what is no code is no HTML either, and ends no cell."""
    pieces = re.split(r"(`[^`]*`)", " ".join(words.split()))
    pieces[::2] = [one.replace("<", "&lt;").replace("*", r"\*") for one in pieces[::2]]
    return "".join(pieces).replace("|", r"\|")


def updated(page: str) -> str:
    """Return the page with its commands as the program has them."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{reference()}\n\n{END}{after}"


def run(check: bool) -> int:
    """Write the page, or say that it is stale; return the exit code."""
    old = PAGE.read_text(encoding="utf-8")
    new = updated(old)
    if new == old:
        return 0
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    print(f"{'stale' if check else 'wrote'}: docs/{PAGE.name}")
    return int(check)


if __name__ == "__main__":
    sys.exit(run("--check" in sys.argv[1:]))
