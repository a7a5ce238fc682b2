"""A line that cannot work where grading runs costs what needs it, and nothing else."""

import json

import pytest

from autograder.results.verdicts import Verdict

CUBE = "def cube(x):\n    return x**3\n"

STARTS = {
    "a magic for a widget": "%matplotlib widget",
    "a magic for a window": "%matplotlib tk",
    "a magic for Qt": "%matplotlib qt5",
    "the notebook's figures": "%matplotlib notebook",
    "an extension": "%load_ext line_profiler",
    "an extension's magic": "%load_ext autoreload\n%autoreload 2\n%nosuch 3",
    "a shell command": "!nvidia-smi",
    "an install": "!pip install -q seaborn\n%conda install -y seaborn",
    "a cell magic that is not there": "%%memit",
    "a time": "%%time\nimport seaborn",
    "an unused import": "import seaborn as sns",
    "an unused import from": "from tqdm.auto import tqdm",
    "an unused import of Colab's": "from google.colab import drive\nimport google.colab",
    "imports in one line": "import seaborn, math; import pandas as pd",
    "names that are gone": "from numpy import nosuch, float64",
    "a relative import": "from . import helpers",
    "several": "import pandas\nimport seaborn\n\n%matplotlib widget\nfrom sklearn import svm",
    "after comments": "\n\n# my answer\n\nimport seaborn",
    "after a docstring": '"""My answer."""\nimport seaborn',
    "over several lines": "from sklearn.decomposition import (\n    PCA,\n    KernelPCA,\n)",
    "a theme of what is left out": "import seaborn as sns\nsns.set_theme(style='whitegrid')",
    "a drive": "from google.colab import drive\ndrive.mount('/content/drive')\n%cd /content/drive",
    "a bar for tables": "from tqdm import tqdm\ntqdm.pandas()",
    "a style of another version": "import matplotlib.pyplot as plt\nplt.style.use('nosuch')",
    "a window's backend": "import matplotlib\nmatplotlib.use('TkAgg')",
    "a file that did not come along": "%run helpers.ipynb\n%run helpers.py",
    "help": "?print\nprint?\n%pinfo print",
    "what a shell prints": "found = !ls\n%ls\n%pwd\n%who\n%history",
    "figures of another kind": "%config InlineBackend.figure_format = 'svg'\n%pylab inline",
    "a debugger": "%pdb on\n%debug",
    "a compiler": "import torch\n@torch.compile",
    "a compiler with options": "import torch\n@torch.compile(mode='reduce-overhead', dynamic=True)",
    "a script": "import torch\n@torch.jit.ignore",
}


@pytest.fixture(scope="module")
def cube(grader, notebook):
    """Return a function that grades an answer to `cube`, beside right ones to the others."""

    def grade(source, *added):
        made = notebook(cube=source)
        for number, text in enumerate(added):
            cell = {"cell_type": "code", "metadata": {}, "source": text, "outputs": []}
            made["cells"].insert(3, cell | {"execution_count": None, "id": f"own-{number}"})
        result = grader.grade_bytes(json.dumps(made).encode(), "bea", "toy.ipynb")
        assert result.score == result.max_score
        return result.exercises[-1]

    return grade


@pytest.mark.parametrize("start", STARTS)
def test_the_function_below_is_defined(cube, start):
    result = cube(f"{STARTS[start]}\n{CUBE}")
    assert result.verdict is Verdict.PASSED, result.tests[0]


@pytest.mark.parametrize("start", STARTS)
def test_helpers_below_are_defined(cube, start):
    helpers = f"{STARTS[start]}\ndef power(x, n):\n    return x**n\n"
    result = cube("def cube(x):\n    return power(x, 3)", helpers)
    assert result.verdict is Verdict.PASSED, result.tests[0]


@pytest.mark.parametrize(
    "source",
    [
        f"1 / 0\n{CUBE}",
        f"import seaborn\nassert seaborn\n{CUBE}",
        f"import seaborn\n@seaborn.cached\n{CUBE}",
        f"%%bash\n{CUBE}",
        f"if True:\n    import seaborn\n{CUBE}",
    ],
)
def test_what_else_stops_a_cell_stops_it(cube, source):
    assert cube(source).verdict is Verdict.FAILED


def test_a_function_that_needs_what_is_left_out_fails(cube):
    result = cube("import seaborn\ndef cube(x):\n    return seaborn.cube(x)")
    assert result.verdict is Verdict.FAILED
    assert "name 'seaborn' is not defined" in result.tests[0].message


def test_lines_below_keep_their_numbers(cube):
    result = cube("import seaborn\n%matplotlib widget\n\ndef cube(x):\n    return x / 0 * nosuch")
    assert [(line.line, line.text) for line in result.tests[0].own_lines] == [
        (5, "return x / 0 * nosuch")
    ]


def test_one_branch_that_is_not_implemented_costs_its_tests_only(grader, submit):
    """As any other error does: the gradient's test calls it with three rows."""
    answer = (
        "def weighted_energy(x, weights):\n"
        "    if len(x) == 2:\n        raise {}('two rows are not supported')\n"
        "    return 0.5 * (weights * x**2).sum(dim=1)"
    )
    branch, other = (
        grader.grade_bytes(
            submit(weighted_energy=answer.format(error)), "bea", "toy.ipynb"
        ).exercises[2]
        for error in ("NotImplementedError", "ValueError")
    )
    assert 0 < branch.score == other.score
    assert branch.verdict is other.verdict is Verdict.FAILED
    assert branch.tests[0].message == "It raised NotImplementedError."
