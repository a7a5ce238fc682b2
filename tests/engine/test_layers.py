"""Who may import whom: the folders of the engine by their trust, over all imports, lazy ones too.

Whatever stands under `if TYPE_CHECKING:` or within a function counts as much as the rest.
"""

import ast
import graphlib
from pathlib import Path

import pytest

import autograder
from autograder.sandbox.host.bubblewrap import SHOWN_IN_BOX

ENGINE = Path(autograder.__file__).parent
SATELLITES = {"reports", "exports", "similarity", "cluster"}
FOUNDATION = {"errors", "findings", "atomic_files", "safe_text", "lean_start"}

# What the modules of a folder may import, beside one another; a root module stands for itself.
MAY_IMPORT = {
    "sandbox.inside": {
        *("sandbox.wire", "sandbox.calls", "sandbox.limits", "sandbox.seeds"),
        *("sandbox.warming", "sandbox.gc_policy", "sandbox.memory"),
    },
    "sandbox.wire": {"sandbox.memory"},
    "sandbox.calls": {"sandbox.wire", "sandbox.seeds", "sandbox.memory"},
    "sandbox.host": {"sandbox", "results.verdicts", *FOUNDATION},
    "sandbox": set(),
    "results": FOUNDATION,
    "course": {"results.versions", "sandbox.limits", "answers", "testing", *FOUNDATION},
    "submissions": {"course", "sandbox.memory", *FOUNDATION},
    "judge": {"answers", "testing", "course", "results", "sandbox", *FOUNDATION},
    "grading": {"answers", "course", "results", "submissions", "sandbox", "judge", "gradebook"},
    "gradebook": {"course", "results", "submissions", "sandbox.gc_policy", *FOUNDATION},
    "nbgrader_plugin": {
        *("course", "results", "submissions", "sandbox", "grading", "gradebook", "feedback"),
    },
    "pytest_plugin": {"answers", "course", "results", "submissions", "sandbox", "judge", "grading"},
    "formgrader": set(),
    "pages": {"results", *FOUNDATION},
    "feedback": {"course", "results", "submissions", "gradebook", "pages", *FOUNDATION},
    "reports": {"course", "results", "gradebook", "feedback", "pages", *FOUNDATION},
    "exports": {"course", "results", "submissions", "gradebook", "sandbox.isolation", *FOUNDATION},
    "similarity": {"course", "submissions", *FOUNDATION},
    "cluster": {"course", "results", "submissions", "sandbox", "grading", *FOUNDATION},
}
MAY_IMPORT |= dict.fromkeys(FOUNDATION, FOUNDATION)
MAY_IMPORT["testing"] = {"sandbox.wire.trees"}
for folder in ("grading", "nbgrader_plugin", "pytest_plugin"):
    MAY_IMPORT[folder] |= FOUNDATION
# Started by its name, in another process; or asked to be by those who start one.
ENTRIES = {"__main__", "cli"}


def module_name(path):
    """Return a file's name below the package: `sandbox.wire.frames`."""
    parts = path.relative_to(ENGINE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ENGINE.rglob("*.py"))}


def imported(name):
    """Return the modules of ours that a module imports, wherever in its text."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: write imports in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for one in names:
            if one == "autograder" or one.startswith("autograder."):
                found.add(_module_of(one.removeprefix("autograder").removeprefix(".")))
    return found - {name, ""}


def _module_of(dotted):
    """Return the module that a name is one of, or is in."""
    while dotted not in MODULES:
        dotted = dotted.rpartition(".")[0]
    return dotted


def layer(name):
    """Return the layer a module is in: the parts of the sandbox are layers of their own."""
    first, _, rest = name.partition(".")
    part = rest.partition(".")[0]
    is_folder = first == "sandbox" and part in {"wire", "calls", "inside", "host"}
    return f"{first}.{part}" if is_folder else first


def belongs(name, allowed):
    """Say whether a module is, or lies in, one of these."""
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


IMPORTS = {name: imported(name) for name in MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_its_own_layer_and_those_below(name):
    own = layer(name)
    if own in ENTRIES or name == "":
        return
    allowed = MAY_IMPORT.get(own, set())
    odd = {one for one in IMPORTS[name] if layer(one) != own and not belongs(one, allowed)}
    assert odd == set(), f"{name} may not import {sorted(odd)}"


def test_nobody_imports_what_runs_inside_but_itself():
    importers = {
        name for name in MODULES if any(belongs(i, {"sandbox.inside"}) for i in IMPORTS[name])
    }
    assert {layer(name) for name in importers} <= {"sandbox.inside"}


def test_satellites_are_imported_by_the_command_line_alone():
    for name in MODULES:
        satellites = {layer(one) for one in IMPORTS[name]} & SATELLITES
        assert layer(name) == "cli" or satellites <= {layer(name)}, name


def test_root_modules_stand_below_every_folder():
    for name in FOUNDATION | {"answers", "testing"}:
        assert IMPORTS[name] <= FOUNDATION | {"sandbox.wire.trees"}, name


def circle(graph):
    """Return a circle in a graph, or nothing."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_circle_of_files():
    assert circle(IMPORTS) == []


def test_no_circle_of_folders():
    folders = {}
    for name, others in IMPORTS.items():
        folder = layer(name)
        folders.setdefault(folder, set()).update(layer(one) for one in others)
    assert circle({name: others - {name} for name, others in folders.items()}) == []


def test_a_circle_would_be_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert "sandbox.wire.frames" in IMPORTS["sandbox.host.channel"]
    assert "grading.loaded" in IMPORTS["grading.class_run"], "an import for types counts"
    assert "gradebook.ingest" in IMPORTS["gradebook.writer"], "and one within a function"


def test_the_box_shows_all_that_runs_inside_and_nothing_of_the_judges():
    shown = {Path(name).with_suffix("").as_posix().replace("/", ".") for name in SHOWN_IN_BOX}
    shown = {name.removesuffix("__init__").removesuffix(".") for name in shown}
    waiting = [name for name in MODULES if layer(name) == "sandbox.inside" or name == "testing"]
    needed = set()
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += IMPORTS[name]
    assert {name for name in needed if not belongs(name, shown - {""})} == set()
    assert not any(belongs(name, {"judge", "sandbox.host", "grading", "results"}) for name in shown)
