"""Frames on a socket: what is sent arrives; what is no frame, too large or too late is refused."""

import json
import socket
import struct
import threading
import time

import pytest

from autograder.sandbox.wire.frames import (
    MAX_HEADER_BYTES,
    MIB,
    DeadlinePassed,
    FrameError,
    PeerClosed,
    receive_frame,
    send_frame,
)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def raw_frame(header=b"{}", block=b"", magic=b"agr1", header_bytes=None, block_bytes=None):
    """Return the bytes of a frame that may lie about its sizes."""
    header_bytes = len(header) if header_bytes is None else header_bytes
    block_bytes = len(block) if block_bytes is None else block_bytes
    return struct.pack("<4sIQ", magic, header_bytes, block_bytes) + header + block


def test_header_and_block_arrive_as_they_were_sent(pair):
    send_frame(pair[0], {"do": "call", "text": "é\u2028\ud800"}, b"\x00\xff" * 1000)
    frame = receive_frame(pair[1], max_block_bytes=2000)
    assert frame.header == {"do": "call", "text": "é\u2028\ud800"}
    assert frame.block == b"\x00\xff" * 1000


def test_frames_keep_their_order_and_their_bounds(pair):
    for number in range(5):
        send_frame(pair[0], {"number": number}, bytes(number))
    frames = [receive_frame(pair[1], max_block_bytes=10) for _ in range(5)]
    assert [frame.header["number"] for frame in frames] == list(range(5))
    assert [len(frame.block) for frame in frames] == list(range(5))


def test_a_frame_that_comes_byte_by_byte_is_put_together(pair):
    content = raw_frame(b'{"a": 1}', b"xyz")
    for byte in content:
        pair[0].sendall(bytes([byte]))
    assert receive_frame(pair[1], max_block_bytes=3).block == b"xyz"


def test_a_wrong_magic_number_is_no_frame(pair):
    pair[0].sendall(raw_frame(magic=b"HTTP"))
    with pytest.raises(FrameError, match="not a frame"):
        receive_frame(pair[1], max_block_bytes=10)


def test_a_header_beyond_its_limit_is_refused_before_it_is_read(pair):
    pair[0].sendall(raw_frame(header_bytes=MAX_HEADER_BYTES + 1))
    with pytest.raises(FrameError, match=r"a header of 4\.0 MiB"):
        receive_frame(pair[1], max_block_bytes=10, deadline=time.monotonic() + 5)


@pytest.mark.parametrize("block_bytes", [11, 5 * MIB, 2**64 - 1])
def test_a_block_beyond_its_limit_is_refused_before_it_is_read(pair, block_bytes):
    pair[0].sendall(raw_frame(block_bytes=block_bytes))
    with pytest.raises(FrameError, match=r"a result of [\d.e+]+ MiB"):
        receive_frame(pair[1], max_block_bytes=10, deadline=time.monotonic() + 5)


def test_a_block_at_its_limit_is_accepted(pair):
    pair[0].sendall(raw_frame(block=b"0123456789"))
    assert receive_frame(pair[1], max_block_bytes=10).block == b"0123456789"


@pytest.mark.parametrize(
    "header",
    [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"1" * 5000, b'{"a": tru}'],
    ids=["empty", "cut off", "not UTF-8", "very deep", "very long number", "misspelt"],
)
def test_a_header_that_is_not_json_is_refused(pair, header):
    pair[0].settimeout(5)
    pair[0].sendall(raw_frame(header))
    with pytest.raises(FrameError, match="not JSON"):
        receive_frame(pair[1], max_block_bytes=10)


@pytest.mark.parametrize("header", [[], "text", 1, None, True])
def test_a_header_that_is_no_object_is_refused(pair, header):
    pair[0].sendall(raw_frame(json.dumps(header).encode()))
    with pytest.raises(FrameError, match="not an object"):
        receive_frame(pair[1], max_block_bytes=10)


def test_silence_ends_at_the_deadline(pair):
    started = time.monotonic()
    with pytest.raises(DeadlinePassed):
        receive_frame(pair[1], max_block_bytes=10, deadline=started + 0.05)
    assert time.monotonic() - started < 2


def test_a_frame_that_stops_halfway_ends_at_the_deadline(pair):
    pair[0].sendall(raw_frame(block=b"abc", block_bytes=10))
    with pytest.raises(DeadlinePassed):
        receive_frame(pair[1], max_block_bytes=10, deadline=time.monotonic() + 0.05)


def test_a_deadline_in_the_past_reads_nothing(pair):
    send_frame(pair[0], {})
    with pytest.raises(DeadlinePassed):
        receive_frame(pair[1], max_block_bytes=10, deadline=time.monotonic() - 1)


@pytest.mark.parametrize("sent", [b"", b"agr", raw_frame(block_bytes=10)])
def test_a_peer_that_hangs_up_is_closed(pair, sent):
    pair[0].sendall(sent)
    pair[0].close()
    with pytest.raises(PeerClosed):
        receive_frame(pair[1], max_block_bytes=10)


def test_sending_to_a_peer_that_hung_up_says_so(pair):
    pair[1].close()
    with pytest.raises(PeerClosed):
        send_frame(pair[0], {"do": "forget"})


def test_sending_to_a_peer_that_does_not_read_ends_in_time(pair):
    pair[0].settimeout(0.05)
    with pytest.raises(DeadlinePassed):
        send_frame(pair[0], {}, bytes(8 * MIB))


def test_a_header_of_too_many_parts_is_refused_before_it_is_made(pair):
    parts = b"[" + b'{"":0},' * 100_000 + b"0]"
    threading.Thread(
        target=pair[0].sendall, args=(raw_frame(b'{"a": ' + parts + b"}"),), daemon=True
    ).start()
    with pytest.raises(FrameError, match="a header of more than 250000 parts"):
        receive_frame(pair[1], max_block_bytes=10)


def test_a_frame_knows_its_size(pair):
    send_frame(pair[0], {"a": 1}, b"xyz")
    assert receive_frame(pair[1], max_block_bytes=10).size == len('{"a": 1}') + 3
