"""Start a warm parent: `python -m autograder.box --control FD [--nested]`, inside the sandbox."""

from __future__ import annotations

import argparse
import socket

from autograder.box import namespaces


def main() -> None:
    """Leave root, warm up, say so, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--nested", action="store_true")
    parser.add_argument("--leave-root", action="store_true")
    options = parser.parse_args()
    if options.leave_root:
        namespaces.become_nobody()
    namespaces.adopt_orphans()
    control = socket.socket(fileno=options.control)

    from autograder.box.parent import WarmParent
    from autograder.box.warm import warm_up
    from autograder.wire.frames import send_frame

    shell = warm_up()
    send_frame(control, {"ready": True})
    WarmParent(control, shell, options.nested).serve()


if __name__ == "__main__":
    main()
