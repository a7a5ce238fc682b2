"""What students leave in cells: ways to show pictures, breakpoints, newer Python, a GPU."""

import json

import pytest

from autograder.results.verdicts import Verdict

pytestmark = pytest.mark.box

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
SHOWN_BY = {
    "nothing said": "",
    "inline": "%matplotlib inline",
    "notebook": "%matplotlib notebook",
    "nbagg": "%matplotlib nbagg",
    "widget": "%matplotlib widget",
    "ipympl": "%matplotlib ipympl",
    "tk": "%matplotlib tk",
    "qt": "%matplotlib qt5",
    "no way": "%matplotlib",
    "svg": "%config InlineBackend.figure_format = 'svg'",
    "svg and pdf": "%config InlineBackend.figure_formats = ['svg', 'pdf']",
    "retina": "%config InlineBackend.figure_format = 'retina'",
    "jpeg": "%config InlineBackend.figure_format = 'jpeg'",
    "svg by a function": (
        "from matplotlib_inline.backend_inline import set_matplotlib_formats\n"
        "set_matplotlib_formats('svg')"
    ),
    "inline, then svg": "%matplotlib inline\n%config InlineBackend.figure_format = 'svg'",
    "svg, then inline": "%config InlineBackend.figure_format = 'svg'\n%matplotlib inline",
}


def pictures(cell):
    return [one for one in cell.outputs if "image/png" in one.get("data", {})]


@pytest.fixture
def run(grader, notebook):
    """Return a function that grades a notebook that begins with cells of one's own."""

    def grade(*sources, **answers):
        made = notebook(**answers)
        added = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        made["cells"][:0] = [{**added, "source": source} for source in sources]
        return grader.grade_bytes(json.dumps(made).encode(), "ada", "toy.ipynb")

    return grade


@pytest.mark.parametrize("way", SHOWN_BY)
def test_a_picture_is_kept_however_it_is_shown(way, run):
    result = run(SHOWN_BY[way], PLOT, "fig, axes = plt.subplots()\naxes.plot([1])\nfig")
    shown = [len(pictures(cell)) for cell in result.cells if cell.index in (1, 2)]
    # The last one is shown as the cell's result and, as in Jupyter, when the cell is over.
    assert shown == [1, 2]
    assert not any(one["output_type"] == "error" for cell in result.cells for one in cell.outputs)
    # Ours in the notebook's own cells too.
    assert sum(len(pictures(cell)) for cell in result.cells) > 3
    assert result.score == 9.0


BREAKPOINTS = {
    "breakpoint": "breakpoint()",
    "pdb": "import pdb; pdb.set_trace()",
    "IPython's": "from IPython.core.debugger import set_trace; set_trace()",
}


@pytest.mark.parametrize("name", BREAKPOINTS)
def test_a_breakpoint_that_was_left_in_stops_nothing(name, run):
    answer = f"def square(x):\n    {BREAKPOINTS[name]}\n    return x**2"
    result = run(BREAKPOINTS[name], square=answer)
    assert (result.score, result.verdict) == (9.0, Verdict.PASSED)
