"""The IPython shell that runs a notebook's cells inside the submission process."""

from __future__ import annotations

import base64
import builtins
import pdb
import sys
from io import TextIOBase
from typing import Any

from IPython.core import debugger
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from autograder.sandbox.inside.going_on import rest_of

_MAX_LEFT_OUT = 20
KEPT_MIME_TYPES = ("text/plain", "image/png")


class Outputs:
    """The outputs of the running cell, in order and bounded."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, max_bytes: int) -> None:
        self.items: list[dict[str, Any]] = []
        self._text_left = max_bytes
        self._image_left = 8 * max_bytes
        self._told = False

    def stream(self, name: str, text: str) -> None:
        text = self._take(text)
        if not text:
            return
        last = self.items[-1] if self.items else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["parts"].append(text)
        else:
            self.items.append({"output_type": "stream", "name": name, "parts": [text]})

    def data(self, output_type: str, data: dict[str, Any]) -> None:
        kept: dict[str, str] = {}
        for mime_type in KEPT_MIME_TYPES:
            content = data.get(mime_type)
            if isinstance(content, bytes):
                content = base64.b64encode(content).decode()
            if isinstance(content, str):
                kept[mime_type] = content
        if len(kept.get("image/png", "")) > self._image_left:
            del kept["image/png"]
        self._image_left -= len(kept.get("image/png", ""))
        kept["text/plain"] = self._take(kept.get("text/plain", ""))
        self.items.append({"output_type": output_type, "data": kept})

    def error(self, name: str, value: str, lines: list[str]) -> None:
        self.items.append(
            {
                "output_type": "error",
                "ename": name[:200],
                "evalue": self._take(value[:10_000]),
                "traceback": [self._take(line[:10_000]) for line in lines[:100]],
            }
        )

    def finished(self) -> list[dict[str, Any]]:
        for item in self.items:
            if "parts" in item:
                item["text"] = "".join(item.pop("parts"))
        return self.items

    def _take(self, text: str) -> str:
        if len(text) <= self._text_left:
            self._text_left -= len(text)
            return text
        kept, self._text_left = text[: self._text_left], 0
        if self._told:
            return kept
        self._told = True
        return kept + "\n[the rest of this cell's output was cut off]\n"


class _Stream(TextIOBase):
    """sys.stdout or sys.stderr of student code."""

    def __init__(self, outputs: Outputs, name: str) -> None:
        self._outputs, self._stream_name = outputs, name

    encoding = "utf-8"

    def write(self, text: str) -> int:
        self._outputs.stream(self._stream_name, str(text))
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return {"stdout": 1, "stderr": 2}[self._stream_name]


class _Publisher(DisplayPublisher):
    def publish(self, data: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        self.shell.outputs.data("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        del wait


class _Hook(DisplayHook):
    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        self.shell.outputs.data("execute_result", format_dict)  # type: ignore[union-attr]

    def finish_displayhook(self) -> None:
        self._is_active = False


class BoxShell(InteractiveShell):
    """An in-process shell: magics, top-level await and inline figures, no kernel."""

    displayhook_class = _Hook
    display_pub_class = _Publisher

    def __init__(self, **kwargs: Any) -> None:
        self.outputs = Outputs()
        self._cells: dict[int, int] = {}
        self._lost: set[str] = set()
        """What imports that were left out would have bound."""
        super().__init__(**kwargs)

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no window to show; inline figures need none."""

    def debugger(self, force: bool = False) -> None:
        """There is nobody to ask: `%debug` does nothing."""

    def enable_matplotlib(self, gui: str | None = None) -> Any:
        """Show figures inline, whichever way was chosen: others need a window or a browser."""
        del gui
        return super().enable_matplotlib("inline")

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        lines = [line for part in stb for line in str(part).splitlines()]
        self.outputs.error(getattr(etype, "__name__", "Error"), str(evalue), lines)

    def cell_of(self, filename: str) -> int | None:
        """Return the index of the cell whose code goes by this file name, where it is one's."""
        number = self.compile._filename_map.get(filename)
        return None if number is None else self._cells.get(number)

    def run_one(
        self, source: str, max_output_bytes: int, cell: int = -1
    ) -> tuple[bool, list[dict[str, Any]]]:
        """Run one cell; return whether it ended without an error, and its outputs."""
        self.outputs.start(max_output_bytes)
        saved = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Stream(self.outputs, "stdout"), _Stream(self.outputs, "stderr")
        try:
            succeeded = self._run_on(source, cell)
        finally:
            sys.stdout, sys.stderr = saved
        return succeeded, self.outputs.finished()

    def _run_on(self, source: str, cell: int) -> bool:
        """Run a cell, and go on below what may be left out of it; say whether nothing failed."""
        for done in range(_MAX_LEFT_OUT):
            number = self.execution_count
            self._cells[number] = cell
            result = self.run_cell(source, store_history=True)
            if result.error_in_exec is None:
                return bool(result.success) and not done
            # Numbers begin anew with each submission: the last file of this one is meant.
            names = self.compile._filename_map
            filename = next(name for name in reversed(names) if names[name] == number)
            rest = rest_of(self.transform_cell(source), result.error_in_exec, filename, self._lost)
            if rest is None:
                break
            self.outputs.stream("stderr", f"[left out: {rest.left_out[:200]}]\n")
            source = rest.code
        return False


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() is not available while grading: put the value into the cell")


def _go_on(*_: object, **__: object) -> None:
    """Stop nowhere: a breakpoint that was left in is no mistake in an answer."""


def make_shell() -> BoxShell:
    """Create the shell that every submission's fork inherits."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Context"
    config.InteractiveShellApp.exec_lines = []
    shell = BoxShell.instance(config=config)
    builtins.input = _no_input
    sys.breakpointhook = pdb.set_trace = debugger.set_trace = _go_on
    return shell
