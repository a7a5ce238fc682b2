"""Set up a process of the engine before anything slow is imported: one thread, fewer imports.

Importing this module is all there is to do; it must come before numpy, torch and nbformat.
"""

from __future__ import annotations

import os
import sys

# Set before numpy and torch are imported: a forked process must not meet other threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# nbformat imports jsonschema, which builds the grammar of all URIs for 2 s where it can import the
# first of these; nothing here checks that a text is a URI or a time.
for _name in ("rfc3987_syntax", "rfc3986_validator", "isoduration"):
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]
