"""What one submission leaves in its judge: little, whatever its replies claim to be."""

import re
import textwrap
from pathlib import Path

import pytest

from autograder.results.verdicts import Verdict
from autograder.sandbox.memory import MIB, HeldMemory

pytestmark = pytest.mark.box

# Student code that answers a call of `square` in frames of its own making; the right value is
# array 0 of each.
FORGE = """
import json, os, socket, sys
import numpy as np
from safetensors.numpy import save
from autograder.sandbox.wire.frames import send_frame
def judge():
    frame = sys._getframe()
    while frame is not None:
        sock = getattr(frame.f_locals.get("line"), "_sock", 0)
        if isinstance(sock, socket.socket):
            return sock
        frame = frame.f_back
def reply(x, more=(), value={"kind": "array", "value": "0"}, changes=(), **others):
    arrays = {"0": x**2, **{str(n): array for n, array in enumerate(more, start=1)}}
    header = {"reply": "value", "value": value, "changes": list(changes), **others}
    send_frame(judge(), header, save(arrays))
    judge().recv(1)
    os._exit(0)
"""


def forging(body):
    return f"{FORGE}\ndef square(x):\n{textwrap.indent(textwrap.dedent(body), '    ')}"


def peak_mb():
    """The most that this process has held since `forget_peak`, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mb()


# Each is sent in a frame of a few MiB at most.
REPLIES = {
    "one array, many times": (
        """
        large = np.zeros(MIB, np.uint8)
        node = {"kind": "tensor", "value": "1"}
        reply(x, [large], {"kind": "list", "value": [node] * 600})
        """,
        "named twice",
    ),
    "a change that nobody asked for": (
        """
        large = np.zeros(MIB, np.uint8)
        node = {"kind": "tensor", "value": "1"}
        change = {"leaf": 0, "values": {"kind": "list", "value": [node] * 600}}
        reply(x, [large], changes=[change])
        """,
        "a change that is no array",
    ),
    "a change, many times": (
        """
        change = {"leaf": 0, "values": {"kind": "array", "value": "1"}}
        reply(x, [x], changes=[change, change])
        """,
        "changes that are no list|two changes|named twice",
    ),
    "arrays that nothing names": (
        "reply(x, [np.zeros(100, np.uint8)] * 10_000)",
        "an array that nothing names",
    ),
    "a header of small objects": (
        "reply(x, others=[{'': 0}] * 400_000)",
        "a header of more than 250000 parts",
    ),
    "a header nested without end": (
        """
        text = b'{"reply":' + b'[' * 3_000_000
        judge().sendall(b"agr1" + len(text).to_bytes(4, "little") + bytes(8) + text)
        judge().recv(1)
        """,
        "a header",
    ),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_becomes_no_more_than_it_is(attack, name):
    body, said = REPLIES[name]
    held, before = HeldMemory(), forget_peak()
    attacked = attack(square=f"MIB = {MIB}\n{forging(body)}", costs=["square"])
    assert attacked.verdict("square") is Verdict.CRASHED
    assert re.search(said, attacked.messages("square"))
    assert peak_mb() - before < 160
    assert held.grown_mb() < 40


def test_a_change_of_another_shape_is_seen_and_not_kept(attack):
    body = """
    change = {"leaf": 0, "values": {"kind": "array", "value": "1"}}
    reply(x + 1, [np.zeros(48 * MIB, np.uint8)], changes=[change])
    """
    held, before = HeldMemory(), forget_peak()
    attack(square=f"MIB = {MIB}\n{forging(body)}", costs=["square"])
    # The frame, once more while it is received; never as an array.
    assert peak_mb() - before < 48 * 3
    assert held.grown_mb() < 40


def test_a_long_key_is_told_in_few_letters(attack):
    body = """
    key = "k" * 3_500_000
    reply(x, [x], {"kind": "dict", "value": [[key, {"kind": "array", "value": "0"}]]})
    """
    attacked = attack(square=forging(body), costs=["square"])
    assert len(attacked.messages("square")) < 3000
    assert len(attacked.result.model_dump_json()) < 200_000


def test_code_that_is_read_is_not_kept(attack):
    held = HeldMemory()
    attacked = attack(first=f"numbers = [{'1,' * 1_000_000}]")
    assert attacked.result.score == 9
    assert held.grown_mb() < 100


def test_a_class_of_such_notebooks_leaves_nothing_behind(attack):
    """Each of them is another text: nothing keeps what only one of them holds."""
    attack(first=f"numbers = [{'1,' * 50_000}]")
    held = HeldMemory()
    for number in range(3):
        attack(first=f"numbers = [{'1,' * 50_000}{number}]")
    assert held.grown_mb() < 40
