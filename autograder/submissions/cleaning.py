"""Make what a student brings safe to show in an instructor's browser: text and pictures only."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from autograder.safe_text import for_output
from autograder.submissions.markdown import clean_markdown

__all__ = ["clean_attachments", "clean_markdown", "clean_outputs"]

_MAX_OUTPUTS = 200
_MAX_PICTURE_LETTERS = 16 * 2**20
_SIGNATURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_MAX_ATTACHMENTS = 20


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
    if _is_picture(data.get("image/png"), "image/png"):
        cleaned["image/png"] = str(data["image/png"])
    return cleaned


def clean_attachments(attachments: Any) -> dict[str, dict[str, str]]:
    """Return the pictures that a Markdown cell brings with it, each as the one kind it is."""
    cleaned: dict[str, dict[str, str]] = {}
    for name, kinds in (attachments if isinstance(attachments, dict) else {}).items():
        for kind in _SIGNATURES:
            if isinstance(kinds, dict) and _is_picture(kinds.get(kind), kind):
                cleaned.setdefault(str(name), {kind: kinds[kind].replace("\n", "")})
        if len(cleaned) == _MAX_ATTACHMENTS:
            break
    return cleaned


def _is_picture(encoded: Any, kind: str) -> bool:
    """Say whether a text is base64 of what begins as a picture of a kind does."""
    if not isinstance(encoded, str) or len(encoded) > _MAX_PICTURE_LETTERS:
        return False
    try:
        return base64.b64decode(encoded.replace("\n", ""), validate=True).startswith(
            _SIGNATURES[kind]
        )
    except (binascii.Error, ValueError):
        return False
