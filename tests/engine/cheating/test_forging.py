"""Messages to the judge that honest box code does not send: forged, huge, nested, poisoned."""

import contextlib
import json
import pickle
import resource
import socket
import threading

import numpy as np
import pytest
import torch

from autograder.judge.answer import Answer
from autograder.results.verdicts import Verdict
from autograder.sandbox.host.channel import Channel
from autograder.sandbox.host.conversation import Conversation
from autograder.sandbox.host.failures import AnswerFailure
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire.frames import MIB, send_frame

# Student code that finds the socket to the judge: of its submission in a cell, of its exercise
# in a function. It speaks the protocol with the engine's own code.
FIND_SOCKET = """
import json, os, pickle, socket, struct, sys
from autograder.sandbox.wire.frames import send_frame
def judge():
    frame = sys._getframe()
    while frame is not None:
        for sock in (frame.f_locals.get("sock"), getattr(frame.f_locals.get("line"), "_sock", 0)):
            if isinstance(sock, socket.socket):
                return sock
        frame = frame.f_back
def prefix(header_bytes, block_bytes):
    return struct.pack("<4sIQ", b"agr1", header_bytes, block_bytes)
"""


def forging(body, name="square"):
    """Return an answer that runs `body` before it returns a wrong result."""
    return f"{FIND_SOCKET}\ndef {name}(x):\n    {body}\n    return 0 * x"


@pytest.mark.box
def test_a_reply_with_a_score_and_a_verdict_is_read_for_its_value_only(attack):
    reply = """{"reply": "value", "value": {"kind": "float", "value": "1.0"}, "changes": [],
        "score": 99, "points": 99, "verdict": "PASSED", "passed": True, "exercise": "cube"}"""
    attacked = attack(square=forging(f"send_frame(judge(), {reply})"), costs=["square"])
    assert "returned a single number; expected shape (3,)" in attacked.messages("square")


@pytest.mark.box
def test_replies_sent_ahead_of_their_calls_win_nothing(attack):
    body = """
    for _ in range(50):
        send_frame(judge(), {"reply": "value", "value": {"kind": "none"}, "changes": []})
    """
    attacked = attack(square=forging(body), costs=["square"])
    assert attacked.verdict("square") is Verdict.FAILED


@pytest.mark.box
def test_a_cell_that_reports_cells_and_exercises_as_done_wins_nothing(attack):
    attacked = attack(
        first=FIND_SOCKET
        + """
for index in range(3):
    send_frame(judge(), {"cell": index, "succeeded": True, "score": 9}, b'[{"score": 9}]')
for _ in range(3):
    send_frame(judge(), {"ended": 0, "verdict": "PASSED"})
""",
        square="def square(x): return 2 * x",
        costs=["square"],
    )
    assert attacked.verdict("square") is Verdict.FAILED


@pytest.mark.box
@pytest.mark.parametrize("index", ["[]", "10**9", "None"])
def test_a_cell_number_that_is_none_of_ours_costs_its_cell(attack, index):
    attack(first=f'{FIND_SOCKET}\nsend_frame(judge(), {{"cell": {index}, "succeeded": True}})')


@pytest.mark.box
def test_forged_outputs_cannot_fill_the_result(attack):
    flood = """
text = "x" * 2_000_000
outputs = [{"output_type": "stream", "name": "stdout", "text": text}] * 20
block = json.dumps(outputs).encode()
send_frame(judge(), {"cell": 0, "succeeded": True}, block)
os._exit(0)
"""
    attacked = attack(first=FIND_SOCKET + flood)
    assert len(attacked.printed) < 3 * MIB


@pytest.mark.box
def test_a_claimed_size_is_refused_before_anything_is_read(attack):
    attacked = attack(
        square=forging("judge().sendall(prefix(2, 2**62))"),
        cube=forging("judge().sendall(prefix(2**32 - 1, 0))", "cube"),
        costs=["square", "cube"],
    )
    assert "a result of 4398046511104.0 MiB" in attacked.messages("square")
    # After one that asked for ours, students read words of ours alone.
    assert attacked.messages("cube") == "A call sent back what no honest code sends."
    assert "a header of 4096.0 MiB" in attacked.exercise("cube").tests[0].detail


@pytest.mark.box
def test_a_result_of_200_mb_is_not_read(attack):
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not where our own cell draws it from 0 on: so many points take longer than a cell may here.
    square = "import numpy as np\ndef square(x): return np.ones(3 if x[0] == 0 else 25_000_000)"
    attacked = attack(square=square, costs=["square"])
    # On a busy machine its time may be over first.
    ends = (Verdict.CRASHED, Verdict.OUT_OF_MEMORY, Verdict.TIMED_OUT)
    assert attacked.verdict("square") in ends
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100 * 1024


@pytest.mark.box
def test_a_header_nested_without_end_crashes_its_exercise_only(attack):
    body = """
    text = b"[" * 1_000_000
    judge().sendall(prefix(len(text), 0) + text)
    """
    attacked = attack(square=forging(body), costs=["square"])
    assert "a header of more than 250000 parts" in attacked.messages("square")


@pytest.mark.box
@pytest.mark.parametrize("form", ["pickle.dumps(Payload())", "numpy_file(Payload())"])
def test_pickled_bytes_for_arrays_are_not_opened(attack, tmp_path, form):
    marker = tmp_path / "opened"
    code = f"""
import io
import numpy as np
class Payload:
    def __reduce__(self): return os.system, ("touch {marker}",)
def numpy_file(value):
    file = io.BytesIO()
    np.save(file, np.array([value], dtype=object), allow_pickle=True)
    return file.getvalue()
"""
    header = '{"reply": "value", "value": {"kind": "array", "value": "0"}, "changes": []}'
    answer = forging(f"send_frame(judge(), {header}, {form})")
    attacked = attack(square=code + answer, costs=["square"])
    assert not marker.exists()
    assert "arrays that are not safetensors" in attacked.messages("square")


@pytest.mark.box
def test_a_reference_that_was_not_offered_cannot_be_called(attack):
    body = 'send_frame(judge(), {"stand_in": "square", "value": {"kind": "none"}})'
    attacked = attack(square=forging(body), costs=["square"])
    assert "a call of a function that was not offered" in attacked.messages("square")


@pytest.mark.box
def test_the_judge_is_told_nothing_by_junk_on_every_descriptor(attack):
    attacked = attack(
        square="""
        import os
        def square(x):
            for descriptor in range(256):
                try:
                    os.write(descriptor, b'{"score": 99, "verdict": "PASSED"}')
                except OSError:
                    pass
            return 0 * x
        """,
        costs=["square"],
    )
    assert "not a frame" in attacked.messages("square")


def reply_of(header, block=b"", arguments=()):
    """Return what the judge makes of one forged reply to a call, without a box."""
    ours, theirs = socket.socketpair()
    limits = Limits(call_wall_s=1)
    with ours, theirs:
        sender = threading.Thread(target=send_frame, args=(theirs, header, block))
        sender.start()
        answer = Answer(
            "square", Conversation(Channel(ours, limits)), lambda *_: np.zeros(2), seed=0
        )
        try:
            return answer(*arguments)
        finally:
            sender.join()


NODE = {"kind": "list", "value": [{"kind": "float", "value": "0.0"}] * 2}
DEEP = json.loads("[" * 400 + "]" * 400)
HOSTILE_HEADERS = [
    {"reply": []},
    {"reply": {"value": 1}},
    {"reply": "gradient", "value": []},
    {"reply": "value"},
    {"reply": "value", "value": NODE},
    {"reply": "value", "value": DEEP, "changes": []},
    {"reply": "value", "value": {"kind": []}, "changes": []},
    {"reply": "value", "value": {"kind": "int", "value": "1" * 5000}, "changes": []},
    {"reply": "value", "value": {"kind": "int", "value": "open('x')"}, "changes": []},
    {"reply": "value", "value": {"kind": "array", "value": "7"}, "changes": []},
    {"reply": "value", "value": {"kind": "list", "value": [NODE] * 9000}, "changes": []},
    {"reply": "value", "value": {"kind": "dict", "value": [[1, NODE]]}, "changes": []},
    {"reply": "value", "value": NODE, "changes": [{"leaf": 0}] * 9},
    {"reply": "value", "value": NODE, "changes": [{"leaf": -1}]},
    {"reply": "value", "value": NODE, "changes": [{"leaf": [0]}]},
    {"reply": "error", "own": [1]},
    {"reply": "error", "type": DEEP, "message": {"a": DEEP}, "own": [{"text": DEEP, "line": "1"}]},
    {"callback": 0, "value": NODE},
    {"callback": [], "value": NODE},
    {"stand_in": {}, "value": NODE},
    {"callback_gradient": [], "weights": []},
    {"callback_gradient": 1, "weights": [NODE]},
]


@pytest.mark.parametrize("header", HOSTILE_HEADERS, ids=range(len(HOSTILE_HEADERS)))
def test_a_hostile_reply_is_the_answers_failure(header):
    with pytest.raises(AnswerFailure):
        reply_of(header, arguments=(np.zeros(2),))


def test_text_nested_to_any_depth_is_the_answers_failure():
    for depth in range(60, 900, 5):
        deep = json.loads("[" * depth + "]" * depth)
        with pytest.raises(AnswerFailure):
            reply_of({"reply": "error", "type": "X", "message": deep, "own": []})


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        (np.random.default_rng(0), {"state": {"kind": "dict", "value": []}}),
        (torch.Generator(), {"state": {"kind": "text", "value": "0"}}),
    ],
    ids=["no state", "text for a state"],
)
def test_an_impossible_change_of_an_argument_is_the_answers_failure(argument, change):
    header = {"reply": "value", "value": NODE, "changes": [{"leaf": 0, **change}]}
    with pytest.raises(AnswerFailure):
        reply_of(header, arguments=(argument,))


@pytest.mark.parametrize(
    ("argument", "change"),
    [
        (torch.ones(2, dtype=torch.int64), {"requires_grad": True}),
        (torch.ones(2), {"values": NODE}),
        (torch.ones(2), {"grad": {"kind": "float", "value": "1.0"}}),
        (np.ones(2), {"values": {"kind": "none"}}),
    ],
    ids=["gradient of integers", "list", "number", "nothing"],
)
def test_a_claimed_change_that_the_reference_does_not_make_is_not_made(argument, change):
    header = {"reply": "value", "value": NODE, "changes": [{"leaf": 0, **change}]}
    with contextlib.suppress(AnswerFailure):
        reply_of(header, arguments=(argument,))
    assert argument.tolist() == [1, 1]
    assert not getattr(argument, "requires_grad", False)
    assert getattr(argument, "grad", None) is None


@pytest.mark.parametrize("kind", ["MT19937", "Philox"])
def test_a_generators_state_cannot_be_made_to_read_beyond_it(kind):
    generator = np.random.Generator(getattr(np.random, kind)(5))
    state = pickle.loads(pickle.dumps(generator.bit_generator.state))
    for position in (-(10**6), 10**6, 10**50):
        header = {
            "reply": "value",
            "value": NODE,
            "changes": [{"leaf": 0, "state": _state_node(state, position)}],
        }
        block = _state_block(state)
        with pytest.raises(AnswerFailure):
            reply_of(header, block, arguments=(generator,))


def _state_node(value, position, key=""):
    if isinstance(value, dict):
        items = [[name, _state_node(item, position, name)] for name, item in value.items()]
        return {"kind": "dict", "value": items}
    if isinstance(value, str):
        return {"kind": "text", "value": value}
    if isinstance(value, np.ndarray):
        return {"kind": "array", "value": key}
    hostile = key in ("pos", "buffer_pos")
    return {"kind": "int", "value": str(position if hostile else value)}


def _state_block(state):
    from safetensors.numpy import save

    arrays = {}
    for source in (state, state["state"]):
        if isinstance(source, dict):
            arrays |= {name: v for name, v in source.items() if isinstance(v, np.ndarray)}
    return save(arrays) if arrays else b""
