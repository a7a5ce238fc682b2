"""Arguments into the box: shared things stay shared, generators keep their state, secrets stay."""

import functools
import sys
from types import ModuleType

import cloudpickle
import numpy as np
import pytest
import torch

from autograder.sandbox.wire.arguments_in import SecretArgument, TensorLeaf, pack, unpack


def no_callback(index):
    raise AssertionError(f"leaf {index} is no callback")


def sent(value):
    """Return a value as it arrives in the box."""
    return unpack(pack(value).block, no_callback).value


@pytest.fixture
def module_of():
    """Return a function that makes a module of the given code, for the time of one test."""
    made = []

    def make(name, code):
        module = ModuleType(name)
        sys.modules[name] = module
        made.append(name)
        exec(code, vars(module))
        return module

    yield make
    for name in made:
        del sys.modules[name]


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0), (2, 3)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_arrays_and_tensors_arrive_as_they_are(shape, dtype):
    array = np.ones(shape, dtype=dtype)
    arrived, tensor = sent((array, torch.from_numpy(array)))
    assert arrived.dtype == array.dtype
    assert arrived.shape == shape
    assert (arrived == array).all()
    assert tensor.dtype == torch.from_numpy(array).dtype
    assert tensor.shape == shape


def test_the_copy_in_the_box_is_a_copy():
    array = np.zeros(3)
    packed = pack(array)
    array[:] = 7
    first, second = (unpack(packed.block, no_callback).value for _ in range(2))
    first[:] = 9
    assert second.tolist() == [0, 0, 0]


def test_an_argument_given_twice_arrives_as_one():
    array, tensor = np.ones(2), torch.ones(2, requires_grad=True)
    one, other, inside = sent((array, array, {"x": [array, tensor, tensor]}))
    assert one is other is inside["x"][0]
    assert inside["x"][1] is inside["x"][2]


def test_an_optimizer_holds_its_modules_own_parameters():
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module, optimizer = sent((module, optimizer))
    held = optimizer.param_groups[0]["params"]
    assert [id(p) for p in held] == [id(p) for p in module.parameters()]
    assert all(isinstance(p, torch.nn.Parameter) and p.requires_grad for p in held)
    module(torch.ones(1, 2)).sum().backward()
    before = module[1].bias.detach().clone()
    optimizer.step()
    torch.testing.assert_close(module[1].bias.detach(), before - 0.1)


def test_tied_parameters_stay_tied_and_frozen_ones_frozen():
    module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    module[1].weight = module[0].weight
    module[0].bias.requires_grad_(False)
    arrived = sent(module)
    assert arrived[1].weight is arrived[0].weight
    assert not arrived[0].bias.requires_grad
    assert isinstance(arrived[0].bias, torch.nn.Parameter)


def test_buffers_and_accumulated_gradients_travel():
    module = torch.nn.BatchNorm1d(2, dtype=torch.float64)
    module.running_mean += 3
    module.weight.grad = torch.full((2,), 5.0, dtype=torch.float64)
    arrived = sent(module)
    assert arrived.running_mean.tolist() == [3, 3]
    assert arrived.weight.grad.tolist() == [5, 5]
    assert arrived.bias.grad is None


def test_a_leaf_arrives_as_a_leaf_and_a_result_as_a_result():
    leaf = torch.ones(2, requires_grad=True)
    arrived = unpack(pack((leaf, leaf * 2, leaf.detach())).block, no_callback)
    a, b, c = arrived.value
    assert a.is_leaf
    assert a.requires_grad
    assert not b.is_leaf
    assert b.requires_grad
    assert not c.requires_grad
    b.add_(1)
    assert list(arrived.inputs) == [0, 1]


def test_a_torch_generator_arrives_in_its_state():
    generator = torch.Generator().manual_seed(3)
    torch.rand(5, generator=generator)
    arrived = sent(generator)
    expected = torch.rand(4, generator=generator)
    assert torch.equal(torch.rand(4, generator=arrived), expected)


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_a_numpy_generator_of_any_kind_arrives_in_its_state(kind):
    generator = np.random.Generator(getattr(np.random, kind)(3))
    generator.normal(size=5)
    arrived = sent(generator)
    assert type(arrived.bit_generator).__name__ == kind
    assert (arrived.normal(size=4) == generator.normal(size=4)).all()


def test_a_generator_given_twice_is_one():
    one, other = sent([np.random.default_rng(1)] * 2)
    assert one is other


def test_probes_travel_by_value(module_of):
    module = module_of("probes_of_a_test", "import math\ndef energy(x): return math.tau * x")
    cloudpickle.register_pickle_by_value(module)
    scale = torch.tensor(2.0)
    block = pack((module.energy, lambda x: scale * x)).block
    cloudpickle.unregister_pickle_by_value(module)
    del sys.modules["probes_of_a_test"]
    energy, scaled = unpack(block, no_callback).value
    sys.modules["probes_of_a_test"] = module
    assert energy(1.0) == pytest.approx(6.283185307179586)
    assert scaled(3.0) == 6.0


def test_a_callback_becomes_what_the_box_makes_of_it():
    spy = object()
    packed = pack([1, spy, spy], is_callback=lambda value: value is spy)
    assert packed.originals == [spy]
    assert unpack(packed.block, lambda index: f"callback {index}").value == [
        1,
        "callback 0",
        "callback 0",
    ]


SOLUTIONS = "class Net: pass\ndef square(x): return x * x\n"
WRAPPED = {
    "the reference itself": lambda m: m.square,
    "inside a list": lambda m: [1, {"f": m.square}],
    "in a partial": lambda m: functools.partial(m.square, 2),
    "in a closure": lambda m: (lambda f: lambda x: f(x))(m.square),
    "as a default": lambda m: eval("lambda x, f=f: f(x)", {"f": m.square}),
    "as a global": lambda m: eval("lambda x: f(x)", {"f": m.square}),
    "its class": lambda m: m.Net,
    "an instance of its class": lambda m: m.Net(),
    "an attribute of an object": lambda m: type("Holder", (), {"f": m.square}),
}


@pytest.mark.parametrize("how", WRAPPED)
def test_a_reference_may_not_go_into_the_box(module_of, how):
    module = module_of("solutions.made_up", SOLUTIONS)
    with pytest.raises(SecretArgument, match=r"may not go into the box; wrap it in .*callback"):
        pack(WRAPPED[how](module))


def test_the_modules_of_answers_and_tests_may_not_go_into_the_box(module_of):
    solutions = module_of("solutions.made_up", SOLUTIONS)
    tests = module_of("test_made_up", "x = 1")
    secret = frozenset({"solutions.made_up", "test_made_up"})
    for value in (solutions, tests, lambda: solutions, [tests]):
        with pytest.raises(SecretArgument, match="may not go into the box"):
            pack(value, secret_modules=secret)


TESTS = (
    "def test_a(): pass\nclass Test_b:\n    def test_c(self): pass\ndef probe(x): return x + 1\n"
)


@pytest.mark.parametrize("name", ["test_a", "Test_b"])
def test_hidden_tests_may_not_go_into_the_box(module_of, name):
    module = module_of("test_made_up", TESTS)
    with pytest.raises(SecretArgument, match=rf"{name} may not go into the box"):
        pack(getattr(module, name), secret_modules=frozenset({"test_made_up"}))


def test_a_hidden_tests_bound_method_may_not_go_into_the_box(module_of):
    module = module_of("test_made_up", TESTS)
    with pytest.raises(SecretArgument):
        pack(module.Test_b().test_c, secret_modules=frozenset({"test_made_up"}))


def test_a_probe_of_the_test_module_may(module_of):
    module = module_of("test_made_up", TESTS)
    cloudpickle.register_pickle_by_value(module)
    block = pack(module.probe, secret_modules=frozenset({"test_made_up"})).block
    cloudpickle.unregister_pickle_by_value(module)
    assert unpack(block, no_callback).value(1) == 2


def test_a_function_without_a_module_is_no_secret():
    made = eval("lambda x: x + 1", {})
    made.__module__ = None
    assert sent(made)(1) == 2


def test_a_packed_tensor_is_described_by_plain_data():
    packed = pack(torch.ones(2, requires_grad=True))
    (leaf,) = unpack(packed.block, no_callback).leaves
    assert isinstance(leaf, TensorLeaf)
    assert leaf.requires_grad
    assert leaf.is_leaf
    assert isinstance(leaf.values, np.ndarray)
    assert leaf.grad is None
