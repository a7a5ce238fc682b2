"""Which notebooks' calls can leave nothing behind: what can, must never be taken for one."""

import pytest

from autograder.grading.process_sharing import leaves_nothing

OURS = """
import math
import numpy as np
import torch
import torch.nn.functional as F
SCALE = 2.0
digits = np.ones(3)
class Network(torch.nn.Module):
    pass
def check(name):
    pass
"""

NOTHING = {
    "a formula": "def f(x):\n    return SCALE * np.exp(-x) + math.pi",
    "a constant of its own": "HALF = 1 / 2\nNAMES = ('a', -1)\ndef f(x):\n    return HALF * x",
    "another function": "def g(x):\n    return x\ndef f(x):\n    return g(x)",
    "a lambda": "f = lambda x: F.softplus(x)",
    "an import of its own": "from scipy.special import logsumexp\ndef f(x):\n"
    "    return logsumexp(x)",
    "its argument changed": "def f(x):\n    x[0] = 1\n    x.grad = None\n    x.mul_(2)\n"
    "    return x",
    "a result built up": "def f(x):\n    r = []\n    for v in x:\n        r.append(v)\n"
    "    return r",
    "a class of its own": "class A:\n    k = 1\n    def __init__(self):\n        self.v = 2\n"
    "def f(x):\n    return A().v",
    "a network": "def f(x):\n    net = Network()\n    return net(x)",
    "no gradients": "@torch.no_grad()\ndef f(x):\n    return x",
    "a step of training": "def f(net, opt):\n    opt.zero_grad()\n    net(1).backward()\n"
    "    opt.step()",
    "a cell that draws": "def f(x):\n    return x\nvalues = f(digits)\nvalues[0] = 3",
    "a closure": "def f(x):\n    def g(y):\n        return x + y\n    return g(1)",
    "the stub": "def f(x):\n    raise NotImplementedError",
}

SOMETHING = {
    "a global": "n = 0\ndef f(x):\n    global n\n    n += 1",
    "a list of the cell": "seen = []\ndef f(x):\n    seen.append(x)",
    "a generator of the cell": "rng = np.random.default_rng(0)\ndef f(x):\n    return rng.normal()",
    "our data": "def f(x):\n    digits[0] = 5\n    return x",
    "our data, only read": "def f(x):\n    return digits + x",
    "a constant bound again": "SCALE = [1]\ndef f(x):\n    return SCALE",
    "an attribute of a function": "def f(x):\n    f.calls = 1",
    "an attribute of a module": "def f(x):\n    np.pi = 3\n    return x",
    "a patched library": "np.sum = max\ndef f(x):\n    return x",
    "a class variable": "class A:\n    n = 0\ndef f(x):\n    A.n += 1",
    "a class that holds a list": "class A:\n    seen = []\ndef f(x):\n    A().seen.append(x)",
    "a default list": "def f(x, seen=[]):\n    seen.append(x)",
    "a default generator": "def f(x, *, g=torch.Generator()):\n"
    "    return torch.rand(1, generator=g)",
    "a cache": "from functools import lru_cache\n@lru_cache\ndef f(x):\n    return x",
    "a cache by its module": "import functools\n@functools.cache\ndef f(x):\n    return x",
    "a closure's variable": "def make():\n    n = 0\n    def f(x):\n        nonlocal n\n"
    "        n += 1\n"
    "    return f\nf = make()",
    "a closure's list": "def make():\n    s = []\n    def g(x):\n        s.append(x)\n"
    "    return g\nf = make()",
    "an object that is called": "class A:\n    def __call__(self, x):\n        self.n = x\nf = A()",
    "a switch of torch": "def f(x):\n    torch.set_default_dtype(torch.float64)\n    return x",
    "a switch of gradients": "def f(x):\n    torch.set_grad_enabled(False)\n    return x",
    "a switch of numpy": "def f(x):\n    np.seterr(all='raise')\n    return x",
    "a switch, renamed": "from torch import set_default_dtype as s\ndef f(x):\n"
    "    s(torch.float64)",
    "a file": "def f(x):\n    open('seen', 'w').write('1')",
    "a saved array": "def f(x):\n    np.save('seen', x)",
    "a module beyond the list": "import os\ndef f(x):\n    return x",
    "all of a module": "from numpy import *\ndef f(x):\n    return x",
    "a name made up": "def f(x):\n    setattr(np, 'pi', 3)",
    "a hidden attribute": "def f(x):\n    f.__dict__['n'] = 1",
    "code in a text": "def f(x):\n    exec('import os')",
    "a magic": "%time 1\ndef f(x):\n    return x",
    "a shell command": "!ls\ndef f(x):\n    return x",
    "await": "import asyncio\nawait asyncio.sleep(0)",
    "no Python": "def f(x) return",
    "a hook": "def f(x):\n    x.register_hook(print)\n    return x",
    "a NUL": "def f(x):\n    return '\0'",
}


@pytest.mark.parametrize("name", NOTHING)
def test_plain_functions_leave_nothing(name):
    assert leaves_nothing([OURS], [NOTHING[name]], ["f"])


@pytest.mark.parametrize("name", SOMETHING)
def test_what_may_be_remembered_is_seen(name):
    assert not leaves_nothing([OURS], [SOMETHING[name]], ["f"])


def test_a_name_that_two_cells_bind_is_what_the_worse_one_makes_of_it():
    cells = ["def f(x):\n    return x", "f = digits.tolist"]
    assert not leaves_nothing([OURS], cells, ["f"])
    assert not leaves_nothing([OURS], cells[::-1], ["f"])


def test_code_nested_without_end_is_not_followed():
    assert not leaves_nothing([OURS], ["f = " + "-" * 100_000 + "1"], ["f"])
