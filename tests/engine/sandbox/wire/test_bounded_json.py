"""JSON of strangers: what it makes is counted before it is made."""

import contextlib
import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.sandbox.wire.bounded_json import TooManyParts, read_json

MIB = 2**20
LETTERS = MIB
PARTS = 62_500
"""A quarter of what a header may have, in a quarter of its letters."""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=40, deadline=None)
@given(values)
def test_what_is_written_is_read(value):
    assert read_json(json.dumps(value).encode(), max_parts=10_000) == value


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet='[]{},:"\\ a'))
def test_signs_in_texts_are_no_parts(text):
    assert read_json(json.dumps([text, text]).encode(), max_parts=2) == [text, text]


@settings(max_examples=40, deadline=None)
@given(values)
def test_what_has_more_parts_is_refused(value):
    text = json.dumps([value, value, value]).encode()
    with pytest.raises(TooManyParts):
        read_json(text, max_parts=2)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[" * 1000, b"\xff\xfe[\x00]\x00", "é".encode(), b"1" * 5000, b'"\\', b'"'],
)
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  Of any kind: its reader asks no more.
        read_json(text, max_parts=10_000)


HEAVY = {
    "empty objects": b"[" + b"{}," * (LETTERS // 3) + b"0]",
    "objects": b"[" + b'{"":0},' * (LETTERS // 7) + b"0]",
    "objects at the limit": b"[" + b'{"":0},' * 20_800 + b"0]",
    "deep lists at the limit": b"[" + (b"[" * 900 + b"]" * 900 + b",") * 67 + b"0]",
    "deep lists": b"[" * LETTERS,
    "numbers": b"[" + b"1.5," * 62_000 + b"0]",
    "texts": b"[" + b'",,",' * (LETTERS // 5) + b"0]",
    "an escape without end": b'"' + b'\\"' * (LETTERS // 2),
    "quotes": b'"' * LETTERS,
    "one text": b'"' + b"," * LETTERS + b'"',
    "a text of wide letters": b'["\\ud83d\\ude00' + b"a" * LETTERS + b'"]',
}


@pytest.mark.parametrize("name", HEAVY)
def test_any_text_becomes_little_and_soon(name):
    tracemalloc.start()
    try:
        # What is no JSON, or too much, is refused as such.
        with contextlib.suppress(ValueError):
            read_json(HEAVY[name], max_parts=PARTS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB
    began = time.process_time()
    with contextlib.suppress(ValueError):
        read_json(HEAVY[name], max_parts=PARTS)
    assert time.process_time() - began < 0.5
