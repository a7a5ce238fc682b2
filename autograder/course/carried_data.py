"""The cell that carries a chapter's data: a notebook finds them wherever somebody opens it."""

from __future__ import annotations

import base64
from collections.abc import Mapping

CELL = "notebook_data"
"""The cell's name in nbgrader."""

MOST_CARRIED_KB = 100
"""So much data, in all, is carried in a notebook; more belongs beside it."""

# A file that lies there is the student's to change: it stays. In grading it is ours.
_CODE = """\
# The data of this chapter, {names}: {kb} kB, unpacked where they do not lie beside the notebook.
import base64
import pathlib

_carried = {{
{carried}
}}
for _file, _content in _carried.items():
    if not pathlib.Path(_file).is_file():
        pathlib.Path(_file).write_bytes(base64.b64decode(_content))"""

_MISSING = """\
# The data of this chapter, {names}, belong beside the notebook.
import pathlib

for _file in {files!r}:
    if not pathlib.Path(_file).is_file():
        raise FileNotFoundError(f"{{_file}} belongs beside this notebook: it came with it")"""


def data_code(files: Mapping[str, bytes]) -> str:
    """Return the code of the cell that carries these files, or asks for them where they are large.

    Each file is one line: a page, or a list of changes, shows no more of it.
    """
    names = " and ".join(files)
    size_kb = sum(map(len, files.values())) / 1000
    if size_kb > MOST_CARRIED_KB:
        return _MISSING.format(names=names, files=sorted(files))
    lines = [
        f'    "{name}": "{base64.b64encode(content).decode()}",' for name, content in files.items()
    ]
    return _CODE.format(names=names, kb=max(1, round(size_kb)), carried="\n".join(lines))
