"""Results out of the box: honest values round-trip, and every hostile form is refused."""

import json
import math

import numpy as np
import pytest
import safetensors.numpy
import torch

from autograder.sandbox.wire.arrays import SUPPORTED_DTYPES
from autograder.sandbox.wire.results_out import (
    MAX_DEPTH,
    MAX_INTEGER_DIGITS,
    MAX_NODES,
    MAX_TEXT,
    Decoder,
    Encoder,
    HostileReply,
    Opaque,
    is_finite,
)


def round_trip(value):
    """Return a value as the judge gets it, by way of the bytes on the wire."""
    encoder = Encoder()
    node = json.loads(json.dumps(encoder.node(value)))
    return Decoder(encoder.block()).value(node)


def random_value(rng, depth=0):
    """Return some nested value of the kinds that student functions return."""
    kind = rng.integers(0, 10 if depth < 3 else 7)
    count = int(rng.integers(0, 4))
    if kind < 7:
        shape = tuple(rng.integers(0, 4, size=count))
        array = rng.normal(size=shape)
        scalars = [None, bool(count), int(rng.integers(-(2**62), 2**62)), rng.normal(), "é" * count]
        return [*scalars, array, torch.tensor(array)][kind]
    items = [random_value(rng, depth + 1) for _ in range(count)]
    if kind == 9:
        return {f"key {number}": item for number, item in enumerate(items)}
    return items if kind == 7 else tuple(items)


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        one, other = list(one.values()), list(other.values())
    if isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    elif isinstance(one, (np.ndarray, torch.Tensor)):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    else:
        assert one == other


@pytest.mark.parametrize("seed", range(40))
def test_nested_values_round_trip(seed):
    value = random_value(np.random.default_rng(seed))
    assert_same(round_trip(value), value)


@pytest.mark.parametrize("name", sorted(SUPPORTED_DTYPES))
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_arrays_of_every_dtype_and_shape_round_trip(name, shape):
    array = np.arange(math.prod(shape)).reshape(shape).astype(name)
    assert_same(round_trip(array), array)
    assert_same(round_trip(torch.from_numpy(array)), torch.from_numpy(array))


@pytest.mark.parametrize("value", [math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308])
def test_extreme_floats_round_trip(value):
    assert math.copysign(1, round_trip(value)) == math.copysign(1, value)
    assert round_trip(value) == value


def test_nan_round_trips():
    assert math.isnan(round_trip(math.nan))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.arange(10.0)[::2],
        np.arange(4.0)[::-1],
        np.broadcast_to(np.array(2.0), (2, 3)),
        np.arange(3.0).astype(">f8"),
    ],
    ids=["transposed", "strided", "reversed", "broadcast", "big-endian"],
)
def test_arrays_of_odd_layout_keep_their_values(array):
    np.testing.assert_array_equal(round_trip(array), array)


def test_numpy_scalars_arrive_as_arrays_without_axes():
    arrived = round_trip(np.float32(1.5))
    assert arrived.shape == ()
    assert arrived.dtype == np.float32
    assert arrived == 1.5


def test_bfloat16_and_sparse_tensors_arrive_dense():
    assert round_trip(torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32
    np.testing.assert_array_equal(round_trip(torch.eye(2).to_sparse()), np.eye(2))


@pytest.mark.parametrize("shared", [1, 3])
def test_tensors_with_a_graph_are_numbered_in_order(shared):
    x = torch.ones(2, requires_grad=True)
    encoder = Encoder()
    node = encoder.node([x.detach()] + [x * factor for factor in range(shared)])
    decoder = Decoder(encoder.block())
    values = decoder.value(node)
    assert list(decoder.graphs) == list(range(shared)) == list(range(len(encoder.tensors)))
    assert all(decoder.graphs[i] is values[i + 1] for i in range(shared))


@pytest.mark.parametrize(
    ("value", "description"),
    [
        (object(), "a object"),
        (lambda: None, "a function"),
        (np.array([1j]), "an array of complex128 (1)"),
        (np.array(["a"], dtype=object), "an array of object (1)"),
        (torch.ones(2, 3, dtype=torch.complex64), "an array of complex64 (2×3)"),
        ({1, 2}, "a set"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_not_cross_is_described(value, description):
    assert round_trip(value) == Opaque(description)


TOO_LARGE = Opaque("a very large or deeply nested result")


def test_a_list_that_holds_itself_is_too_deep():
    endless = []
    endless.append(endless)
    assert round_trip(endless) == TOO_LARGE
    assert round_trip({"a": endless}) == TOO_LARGE


def test_a_result_of_too_many_parts_is_too_large():
    assert round_trip([""] * (MAX_NODES - 1)) == [""] * (MAX_NODES - 1)
    assert round_trip([""] * MAX_NODES) == TOO_LARGE


def test_what_follows_a_result_that_is_too_large_still_arrives():
    encoder = Encoder()
    nodes = [encoder.node([""] * MAX_NODES), encoder.node(np.ones(2))]
    decoder = Decoder(encoder.block())
    assert decoder.value(nodes[0]) == TOO_LARGE
    np.testing.assert_array_equal(decoder.value(nodes[1]), np.ones(2))


def test_text_is_cut_at_its_limit():
    assert round_trip("a" * (MAX_TEXT + 5)) == "a" * MAX_TEXT


def nested(depth):
    node = {"kind": "none"}
    for _ in range(depth):
        node = {"kind": "list", "value": [node]}
    return node


HOSTILE_NODES = {
    "no node": 3,
    "a list for a node": [],
    "null for a node": None,
    "no kind": {},
    "unknown kind": {"kind": "pickle", "value": "gASV"},
    "kind of another type": {"kind": ["int"], "value": "1"},
    "kind that is an object": {"kind": {}, "value": "1"},
    "number for text": {"kind": "text", "value": 1},
    "integer not as text": {"kind": "int", "value": 1},
    "bool that is a number": {"kind": "bool", "value": 1},
    "int that is none": {"kind": "int", "value": "0x10"},
    "int with an exponent": {"kind": "int", "value": "1e3"},
    "int beyond its limit": {"kind": "int", "value": "9" * (MAX_INTEGER_DIGITS + 2)},
    "float that is none": {"kind": "float", "value": "one"},
    "float that is code": {"kind": "float", "value": "__import__('os')"},
    "float beyond its limit": {"kind": "float", "value": "0" * 100},
    "text beyond its limit": {"kind": "text", "value": "a" * (MAX_TEXT + 1)},
    "description beyond its limit": {"kind": "opaque", "value": "a" * (MAX_TEXT + 1)},
    "array that was not sent": {"kind": "array", "value": "0"},
    "tensor that was not sent": {"kind": "tensor", "value": "../../etc/passwd"},
    "array by number": {"kind": "array", "value": 0},
    "tuple that is text": {"kind": "tuple", "value": "abc"},
    "list that is an object": {"kind": "list", "value": {}},
    "list of no nodes": {"kind": "list", "value": [1, 2]},
    "dict that is an object": {"kind": "dict", "value": {"a": {"kind": "none"}}},
    "dict of three": {"kind": "dict", "value": [["a", {"kind": "none"}, 1]]},
    "dict key that is no text": {"kind": "dict", "value": [[1, {"kind": "none"}]]},
    "dict of no pairs": {"kind": "dict", "value": ["ab"]},
    "too deep": nested(MAX_DEPTH + 1),
    "too many": {"kind": "list", "value": [{"kind": "none"}] * (MAX_NODES + 1)},
}


@pytest.mark.parametrize("name", HOSTILE_NODES)
def test_a_hostile_node_is_refused(name):
    with pytest.raises(HostileReply):
        Decoder(b"").value(HOSTILE_NODES[name])


def test_the_deepest_honest_result_is_accepted():
    value = Decoder(b"").value(nested(MAX_DEPTH))
    for _ in range(MAX_DEPTH):
        (value,) = value
    assert value is None


def safetensors_with(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


EIGHT = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
HOSTILE_BLOCKS = {
    "noise": bytes(range(256)),
    "a pickle": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.",
    "one byte": b"x",
    "header length beyond the block": (2**62).to_bytes(8, "little") + b"{}",
    "header not JSON": safetensors_with(b"{nope"),
    "header a list": safetensors_with([]),
    "offsets beyond the block": safetensors_with({"0": EIGHT}, bytes(4)),
    "offsets backwards": safetensors_with({"0": {**EIGHT, "data_offsets": [8, 0]}}, bytes(8)),
    "shape larger than its bytes": safetensors_with({"0": {**EIGHT, "shape": [10**12]}}, bytes(8)),
    "shape that overflows": safetensors_with({"0": {**EIGHT, "shape": [2**62, 8]}}, bytes(8)),
    "negative shape": safetensors_with({"0": {**EIGHT, "shape": [-1]}}, bytes(8)),
    "unknown dtype": safetensors_with({"0": {**EIGHT, "dtype": "OBJ"}}, bytes(8)),
    "bytes nobody owns": safetensors_with({"0": EIGHT}, bytes(16)),
    "bytes two own": safetensors_with({"0": EIGHT, "1": EIGHT}, bytes(8)),
    "two of one name": safetensors_with(
        json.dumps({"0": EIGHT})[:-1].encode() + b', "0"' + json.dumps({"1": EIGHT})[4:].encode(),
        bytes(8),
    ),
    "a name that is no number": safetensors_with({"x": EIGHT}, bytes(8)),
    "metadata": safetensors_with({"__metadata__": {"a": "b"}, "0": EIGHT}, bytes(8)),
    "more arrays than nodes": safetensors_with(
        {
            str(number): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
            for number in range(MAX_NODES + 1)
        }
    ),
    "axes beyond their limit": safetensors_with({"0": {**EIGHT, "shape": [1] * 33}}, bytes(8)),
    "an empty array of endless axes": safetensors_with(
        {"0": {**EIGHT, "shape": [0, 2**40, 2**40], "data_offsets": [0, 0]}}
    ),
    "a header beyond its limit": safetensors_with(b"{" + b" " * (5 * 2**20)),
    "a header that ends early": safetensors_with(b'{"0":{"dtype":"F64","shape":[1'),
    "a number beyond all": safetensors_with({"0": {**EIGHT, "shape": [10**30]}}, bytes(8)),
    "bfloat16": safetensors_with(
        {"0": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, bytes(2)
    ),
    "complex": safetensors_with({"0": {**EIGHT, "dtype": "C64"}}, bytes(8)),
    "float8": safetensors_with(
        {"0": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, bytes(1)
    ),
}


@pytest.mark.parametrize("name", HOSTILE_BLOCKS)
def test_a_hostile_block_is_refused(name):
    with pytest.raises(HostileReply):
        Decoder(HOSTILE_BLOCKS[name])


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_block_is_refused_or_still_made_of_numbers(seed):
    rng = np.random.default_rng(seed)
    block = bytearray(safetensors.numpy.save({"0": rng.normal(size=(3, 2)), "1": np.arange(3)}))
    for _ in range(3):
        block[rng.integers(len(block))] = rng.integers(256)
    try:
        value = Decoder(bytes(block)).value({"kind": "array", "value": "0"})
    except HostileReply:
        return
    assert value.dtype.name in SUPPORTED_DTYPES


@pytest.mark.parametrize("graph", ["0", True, None, [0], 1.0])
def test_a_graph_number_that_is_none_is_ignored(graph):
    decoder = Decoder(safetensors.numpy.save({"0": np.ones(2)}))
    decoder.value({"kind": "tensor", "value": "0", "graph": graph})
    assert decoder.graphs == {}


def test_an_integer_tensor_has_no_graph():
    decoder = Decoder(safetensors.numpy.save({"0": np.ones(2, dtype=np.int64)}))
    decoder.value({"kind": "tensor", "value": "0", "graph": 0})
    assert decoder.graphs == {}


@pytest.mark.parametrize(
    ("value", "finite"),
    [
        (1.0, True),
        (math.nan, False),
        (3, True),
        (np.array([1.0, np.inf]), False),
        (np.array([1, 2]), True),
        (torch.tensor([1.0, math.nan]), False),
        (torch.tensor([1, 2]), True),
    ],
)
def test_finiteness_is_said_of_every_kind(value, finite):
    assert is_finite(value) is finite


def test_an_array_is_named_once():
    decoder = Decoder(safetensors.numpy.save({"0": np.ones(2)}))
    node = {"kind": "array", "value": "0"}
    with pytest.raises(HostileReply, match="named twice"):
        decoder.value({"kind": "list", "value": [node, node]})


def test_a_tensor_that_is_returned_twice_arrives_twice():
    x = torch.ones(2, requires_grad=True) * 2
    encoder = Encoder()
    node = encoder.node((x, x))
    decoder = Decoder(encoder.block())
    one, other = decoder.value(node)
    decoder.finish()
    assert one.tolist() == other.tolist() == [2, 2]
    assert decoder.graphs[0] is one
    assert decoder.graphs[1] is other


def test_an_array_that_nothing_names_is_refused():
    decoder = Decoder(safetensors.numpy.save({"0": np.ones(2), "1": np.ones(2)}))
    decoder.value({"kind": "array", "value": "0"})
    with pytest.raises(HostileReply, match="nothing names"):
        decoder.finish()


def test_what_is_too_large_leaves_no_array_and_no_graph_behind():
    encoder = Encoder()
    x = torch.ones(1, requires_grad=True) * 2
    nodes = [encoder.node([x, *([0] * MAX_NODES)]), encoder.node(x)]
    decoder = Decoder(encoder.block())
    assert decoder.value(nodes[0]) == TOO_LARGE
    decoder.value(nodes[1])
    decoder.finish()
    assert list(decoder.graphs) == [0]
    assert len(encoder.tensors) == 1


def test_as_many_arrays_as_nodes_arrive():
    value = [np.float64(number) for number in range(MAX_NODES - 1)]
    assert round_trip(value)[-1] == MAX_NODES - 2


@pytest.mark.parametrize("graphs", [(0, 0), (-1,), (MAX_NODES,)])
def test_a_graph_has_a_number_of_its_own(graphs):
    arrays = {str(number): np.ones(2) for number in range(len(graphs))}
    decoder = Decoder(safetensors.numpy.save(arrays))
    nodes = [{"kind": "tensor", "value": str(n), "graph": g} for n, g in enumerate(graphs)]
    with pytest.raises(HostileReply, match="a graph of no number of its own"):
        decoder.value({"kind": "list", "value": nodes})


def test_a_truth_is_0_or_1():
    block = safetensors_with({"0": {**EIGHT, "dtype": "BOOL", "shape": [8]}}, bytes(7) + b"\2")
    with pytest.raises(HostileReply):
        Decoder(block).value({"kind": "array", "value": "0"})


def test_an_array_of_another_shape_is_never_read(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.wire.results_out.read_array", None)
    decoder = Decoder(safetensors.numpy.save({"0": np.ones(2)}))
    found = decoder.array_of({"kind": "array", "value": "0"}, (3,))
    assert found == Opaque("an array of another shape")
    decoder.finish()


def test_a_state_holds_little():
    decoder = Decoder(safetensors.numpy.save({"0": np.ones(2000)}))
    with pytest.raises(HostileReply, match="a state that no generator has"):
        decoder.state({"kind": "array", "value": "0"})
    none = {"kind": "none"}
    with pytest.raises(HostileReply, match="a state that no generator has"):
        Decoder(b"").state({"kind": "list", "value": [none] * 40})
