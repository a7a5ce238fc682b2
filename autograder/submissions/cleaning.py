"""Make what a student brings safe to show in an instructor's browser: text and pictures only."""

from __future__ import annotations

from typing import Any

from autograder.safe_text import for_output
from autograder.submissions.markdown import clean_markdown
from autograder.submissions.picture_bytes import is_png

__all__ = ["clean_markdown", "clean_outputs"]

_MAX_OUTPUTS = 200


def clean_outputs(outputs: list[Any]) -> list[dict[str, Any]]:
    """Return the outputs of a cell in nbformat's form, whatever the box sent."""
    cleaned = [_clean_output(output) for output in outputs[:_MAX_OUTPUTS]]
    return [output for output in cleaned if output is not None]


def _clean_output(output: Any) -> dict[str, Any] | None:
    if not isinstance(output, dict):
        return None
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        text = for_output(output.get("text"))
        return {"output_type": "stream", "name": name, "text": text}
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        data = _clean_data(output["data"])
        return {"output_type": "display_data", "metadata": {}, "data": data}
    if kind == "error":
        lines = output.get("traceback")
        return {
            "output_type": "error",
            "ename": for_output(output.get("ename"))[:200],
            "evalue": for_output(output.get("evalue")),
            "traceback": [
                for_output(line) for line in (lines if isinstance(lines, list) else [])[:200]
            ],
        }
    return None


def _clean_data(data: dict[str, Any]) -> dict[str, str]:
    cleaned = {"text/plain": for_output(data.get("text/plain"))}
    if is_png(data.get("image/png")):
        cleaned["image/png"] = str(data["image/png"])
    return cleaned
