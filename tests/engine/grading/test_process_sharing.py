"""Which notebooks' calls can leave nothing behind: what can, must never be taken for one."""

import time

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch

from autograder.grading import process_sharing
from autograder.grading.library_names import may_be_held, resolve
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
    "a law of scipy": "from scipy.stats import norm\ndef f(x):\n    return norm.logpdf(x)",
    "draws of numpy": "def f(x):\n    return np.random.randn(3) + np.add.reduce(x)",
    "defaults that stay": "EPS = 1e-8\ndef f(x, d=torch.float64, eps=EPS, *, y=-1, n=None,"
    " pi=np.pi):\n    return x.to(d)",
    "a part of a tensor": "def f(x):\n    x.grad[0] = 1\n    x.data[1] += 2\n    return x",
    "what its object holds": "class A:\n    def __init__(self, n):\n        self.rows = []\n"
    "        self.n = n\n    def add(self, row):\n        self.rows.append(row)\n"
    "        self.rows[0] = row\ndef f(x):\n    a = A(2)\n    a.add(x)\n    return a.rows",
    "a function handed on": "def g(h, x):\n    return h(x)\ndef f(x):\n    return g(np.tanh, x)"
    " + g(k, x)\ndef k(x):\n    return x",
    "rows by brackets": "def f(x):\n    return np.r_[x, x][np.s_[1:]]",
    "an optimizer": "def f(net):\n    opt = torch.optim.Adam(net.parameters(), lr=0.1)\n"
    "    opt.zero_grad()\n    opt.step()\n    for p in net.parameters():\n        p.data.add_(1)\n",
    "an error caught": "def f(x):\n    try:\n        return np.linalg.inv(x)\n"
    "    except np.linalg.LinAlgError as e:\n        raise ValueError(str(e)) from e",
    "names of the library as locals": "def f(x):\n    from torch.distributions import Normal\n"
    "    return Normal(0.0, 1.0).log_prob(x)",
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
    "a default that is a list of ours": "def f(x, m=digits):\n    m[0] = 1",
    "a default that is a list of the cell": "store = []\ndef f(x, m=store):\n    m.append(x)",
    "a default of a lambda": "store = []\nf = lambda x, m=store: m.append(x)",
    "a list within a default": "def f(x, m=([],)):\n    m[0].append(x)",
    "a list by a comprehension": "def f(x, m=[v for v in ()]):\n    m.append(x)",
    "a name bound in a default": "def f(x, m=(seen := [])):\n    seen.append(x)",
    "a name bound in a decorator": "@torch.no_grad((seen := []))\ndef f(x):\n    seen.append(x)",
    "a name bound in a note": "def f(x: (seen := [])):\n    seen.append(x)",
    "a name bound in a base": "class A((seen := torch.nn.Module)):\n    pass\ndef f(x):\n"
    "    return seen",
    "a name bound in passing": "[seen := [] for _ in range(1)]\ndef f(x):\n    seen.append(x)",
    "the outputs of cells": "def f(x):\n    Out[1] = x",
    "the inputs of cells": "def f(x):\n    In.append(x)",
    "an attribute by another name": "def f(x):\n    g = f\n    g.calls = 1",
    "an attribute of what it was given": "def g(h):\n    h.n = 1\ndef f(x):\n    g(f)",
    "an attribute that tensors have": "def g(h):\n    h.grad = 1\ndef f(x):\n    g(f)",
    "an attribute that is read": "f_ = 1\ndef f(x):\n    return f.calls",
    "a class by another name": "class A:\n    n = 0\ndef f(x):\n    a = A\n    a.n = 1",
    "a class's method on a class": "class A:\n    def keep(self, v):\n        self.v = v\n"
    "def f(x):\n    A.keep(A, x)",
    "a class by its object": "class A:\n    pass\ndef f(x):\n    type(A()).n = x",
    "a class method": "class A:\n    @classmethod\n    def keep(cls, v):\n        cls.v = v\n"
    "def f(x):\n    A().keep(x)",
    "a class that makes itself": "class A:\n    def __new__(cls):\n        cls.n = 1\ndef f(x):\n"
    "    A()",
    "a class variable with a note": "class A:\n    seen: list = []\ndef f(x):\n"
    "    A().seen.append(x)",
    "a class variable in passing": "class A:\n    if True:\n        seen = []\ndef f(x):\n"
    "    A().seen.append(x)",
    "a class variable by a loop": "class A:\n    for seen in [[]]:\n        pass\ndef f(x):\n"
    "    A().seen.append(x)",
    "a class variable by the way": "class A:\n    (seen := [])\ndef f(x):\n    A().seen.append(x)",
    "a field": "from dataclasses import dataclass, field\n@dataclass\nclass A:\n"
    "    seen: list = field(default_factory=list)\nf = A().seen.append",
    "a metaclass": "class M(type):\n    pass\nclass A(metaclass=M):\n    pass\ndef f(x):\n"
    "    return A()",
    "an iterator": "from itertools import count\nn = count()\ndef f(x):\n    return next(n)",
    "a cycle": "import itertools\nn = itertools.cycle('ab')\ndef f(x):\n    return next(n)",
    "a generator's frame": "def g():\n    n = 0\n    while True:\n        yield n\nn = g()\n"
    "def f(x):\n    return next(n)",
    "a queue": "from collections import deque\nq = deque()\ndef f(x):\n    q.append(x)",
    "a partial": "from functools import partial\ndef g(m, x):\n    m.append(x)\nf = partial(g, [])",
    "a wrapped function": "import functools\ndef f(x):\n    functools.wraps(g)(f)\ndef g():\n"
    "    pass",
    "an updated function": "from functools import update_wrapper\ndef f(x):\n"
    "    update_wrapper(f, g)\ndef g():\n    pass",
    "a vectorised function's parts": "@np.vectorize\ndef f(x):\n    f.excluded.add(x)",
    "a table of numpy": "def f(x):\n    np.sctypeDict['n'] = 1",
    "a table of numpy by another name": "def f(x):\n    d = np.sctypeDict\n    d['n'] = 1",
    "a table of numpy that is updated": "def f(x):\n    np.sctypeDict.update(n=1)",
    "a module by another name": "def f(x):\n    m = np\n    m.sctypeDict.update(n=1)",
    "a module as an argument": "def g(m):\n    m.pi = 3\ndef f(x):\n    g(np)",
    "a module of a module": "def f(x):\n    m = torch.nn\n    return m",
    "a table of a class of torch": "def f(x):\n"
    "    torch.distributions.Normal(0, 1).arg_constraints['n'] = 1",
    "a table of a law": "def f(x):\n    d = torch.distributions.Normal(0, 1)\n"
    "    d.constraints['n'] = 1",
    "an item by a function": "import operator\ndef f(x):\n    operator.setitem(x, 0, 1)",
    "an attribute by its name": "from operator import attrgetter\ndef f(x):\n"
    "    return attrgetter('n')(f)",
    "a figure": "import matplotlib.pyplot as plt\ndef f(x):\n    plt.figure(7)",
    "a file of torch": "def f(x):\n    torch.from_file('seen', shared=True, size=3)",
    "a file of an array": "def f(x):\n    x.tofile('seen')",
    "a file that is mapped": "def f(x):\n    np.memmap('seen', mode='w+', shape=3)",
    "a compiled function": "def f(x):\n    return torch.compile(x)",
    "a script": "def f(x):\n    return torch.jit.script(x)",
    "a tool of torch": "def f(x):\n    return torch.utils.data.Dataset()",
    "two things by one name": "import numpy as F\ndef f(x):\n    return F.exp(x)",
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


@pytest.mark.parametrize(
    "source",
    ["x = [" + "1," * 30_000 + "]", "\n".join(f"def g{n}(x):\n    return x" for n in range(9000))],
    ids=["one cell", "many functions"],
)
def test_code_beyond_what_people_write_is_not_read(source, monkeypatch):
    monkeypatch.setattr(process_sharing.ast, "parse", None)
    monkeypatch.setattr(process_sharing, "_names_of_ours", lambda _: ())
    assert not leaves_nothing([OURS], [source], [])
    assert not leaves_nothing([OURS], ["x = 1" + " " * 40_000] * 6, [])


def test_nothing_of_students_code_is_kept():
    leaves_nothing([OURS], ["def f(x):\n    return x"], ["f"])
    held = process_sharing._names_of_ours.cache_info().currsize
    for number in range(20):
        leaves_nothing([OURS], [f"def f(x):\n    return x + {number}"], ["f"])
    assert process_sharing._names_of_ours.cache_info().currsize == held


def test_the_longest_code_is_read_soon():
    source = "def f(x):\n    return [" + "x[1]," * 9_000 + "]"
    began = time.process_time()
    assert leaves_nothing([OURS], [source], ["f"])
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "name",
    ["os.path", "numpy.lib.format", "torch.jit", "torch.utils.data", "numpy.no_such", "torch.load"],
)
def test_a_name_beyond_the_list_stands_for_nothing(name):
    with pytest.raises(ValueError):  # noqa: PT011
        resolve(name)


def test_what_may_be_held_cannot_be_changed():
    held = [np.pi, np.exp, np.float64, torch.float64, torch.nn.functional.relu, np.newaxis]
    held += [scipy.stats.norm, scipy.special.expit, np.random.normal, (1, "a"), np.r_]
    assert all(map(may_be_held, held))
    assert not any(map(may_be_held, [np, {}, [], ([],), np.ones(2), object(), torch.ones(1)]))
