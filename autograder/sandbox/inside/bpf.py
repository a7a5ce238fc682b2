"""Write the programs that the kernel runs before a system call: the classic BPF of seccomp(2)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Code = list[tuple[int, int, int, int]]
"""Instructions: operation, instructions to skip where it holds and where not, operand."""

_LOAD, _AND, _EQUAL, _AT_LEAST, _ABOVE = 0x20, 0x54, 0x15, 0x35, 0x25
_JUMP, _RETURN = 0x05, 0x06
# Where struct seccomp_data has the number, the machine, and the low words of the arguments.
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16

ALLOW = 0x7FFF0000


def answer(error: int) -> int:
    """Return the action that answers a call with this error; with 0, as if it had been done."""
    return 0x00050000 | error


@dataclass(frozen=True)
class Among:
    """An argument, of which only the bits in `mask` count, is one of these values."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF


@dataclass(frozen=True)
class Case:
    """What becomes of a call for whose arguments all of these hold."""

    conditions: tuple[Among, ...]
    action: int


Rule = tuple[Case, ...]
"""The first case that holds decides; the last holds always."""


def always(action: int) -> Rule:
    """Return the rule of a call whose arguments do not matter."""
    return (Case((), action),)


def filter_code(architecture: int, rules: dict[int, Rule], newer: tuple[int, Rule]) -> Code:
    """Return the program that decides by the number of a call, and by its arguments if it must.

    `architecture` is the kernel's name for the machine (AUDIT_ARCH). Calls without a rule, and
    those of another machine, get EPERM; `newer` is the rule from some number on. The numbers are
    searched by halves: where a rule looks at no argument, the kernel sees so when it loads the
    program, and never runs it for that call.
    """
    refuse: Code = [(_RETURN, 0, 0, answer(1))]
    spans = _spans(rules)
    first, rule = newer
    # From 2**30 on x86_64 has a second set of numbers for the same calls.
    spans.append((first, 0x3FFFFFFF, _rule_code(rule)))
    search = _search(spans, refuse)
    return [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, architecture),
        *refuse,
        (_LOAD, 0, 0, _NUMBER),
        *search,
    ]


_Span = tuple[int, int, Code]


def _spans(rules: dict[int, Rule]) -> list[_Span]:
    """Return the code for each call, in order; neighbours with the same code as one."""
    spans: list[_Span] = []
    for number in sorted(rules):
        code = _rule_code(rules[number])
        if spans and spans[-1][1] == number - 1 and spans[-1][2] == code:
            spans[-1] = (spans[-1][0], number, code)
        else:
            spans.append((number, number, code))
    return spans


def _search(spans: Sequence[_Span], otherwise: Code) -> Code:
    """Return code that finds the span of a number; `otherwise` runs where it is in none."""
    if len(spans) == 1:
        ((low, high, code),) = spans
        return [
            (_AT_LEAST, 0, 1 + len(code), low),
            (_ABOVE, len(code), 0, high),
            *code,
            *otherwise,
        ]
    middle = len(spans) // 2
    below, above = (_search(half, otherwise) for half in (spans[:middle], spans[middle:]))
    # A conditional jump reaches 255 instructions; the other kind reaches any number.
    return [(_AT_LEAST, 0, 1, spans[middle][0]), (_JUMP, 0, 0, len(below)), *below, *above]


def _rule_code(rule: Rule) -> Code:
    return [instruction for case in rule for instruction in _case_code(case.conditions, case)]


def _case_code(conditions: Sequence[Among], case: Case) -> Code:
    """Return code that ends with the case's action, or falls out at its end."""
    if not conditions:
        return [(_RETURN, 0, 0, case.action)]
    one, *others = conditions
    rest = _case_code(others, case)
    code: Code = [(_LOAD, 0, 0, _ARGUMENTS + 8 * one.argument), (_AND, 0, 0, one.mask)]
    for left, value in reversed(list(enumerate(reversed(one.values)))):
        code.append((_EQUAL, left, len(rest) if left == 0 else 0, value))
    return code + rest


def packed(code: Iterable[tuple[int, int, int, int]]) -> bytes:
    """Return a program as the kernel takes it."""
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
