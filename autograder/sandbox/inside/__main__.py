"""Start warm parents, inside the sandbox: `python -m autograder.sandbox.inside --control FD…`."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
from typing import TYPE_CHECKING

from autograder.sandbox.inside import namespaces

if TYPE_CHECKING:
    from autograder.sandbox.inside.shell import BoxShell


def main() -> None:
    """Leave root, warm up once, and serve each judge from a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int, nargs="+", required=True)
    parser.add_argument("--nested", action="store_true")
    parser.add_argument("--walled", action="store_true")
    parser.add_argument("--import", dest="imports", action="append", default=[])
    parser.add_argument("--leave-root", action="store_true")
    options = parser.parse_args()
    if options.leave_root:
        namespaces.become_nobody()
    controls = [socket.socket(fileno=number) for number in options.control]

    from autograder.sandbox.inside.warm_up import warm_up

    shell = warm_up(options.imports)
    if len(controls) == 1:
        if options.nested:
            # Nothing can be sent in a network that has no interface; its buffers stay empty.
            with contextlib.suppress(OSError):
                namespaces.enter_new_network()
        serve(controls[0], shell, options.nested, options.walled)
        return
    for control in controls:
        if os.fork() == 0:
            try:
                for other in controls:
                    if other is not control:
                        other.close()
                if options.nested:
                    # Submissions of two judges run at the same time: they must not talk.
                    namespaces.enter_new_network()
                serve(control, shell, options.nested, options.walled)
            finally:
                os._exit(0)
    for control in controls:
        control.close()
    for _ in controls:
        os.wait()


def serve(control: socket.socket, shell: BoxShell, nested: bool, walled: bool) -> None:
    """Say that all is warm, and obey one judge until it hangs up."""
    from autograder.sandbox.inside.warm_parent import WarmParent
    from autograder.sandbox.wire.frames import send_frame
    from autograder.sandbox.wire.messages import Ready

    namespaces.adopt_orphans()
    parent = WarmParent(control, shell, nested, walled)
    ready: Ready = {"ready": True}
    send_frame(control, ready)
    parent.serve()


if __name__ == "__main__":
    main()
