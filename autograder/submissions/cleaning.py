"""Make what a student wrote safe to show in an instructor's browser: text and PNG pictures only."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from autograder.safe_text import for_output, for_page

_MAX_OUTPUTS = 200
_MAX_PNG_BYTES = 16 * 2**20
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_TAG_START = re.compile(r"<(?=[A-Za-z/!?])")
# `&colon;` or `&Tab;` would make an active link behind the next pattern's back; these cannot.
_ENTITY_START = re.compile(r"&(?=#|(?!(?:lt|gt|amp|quot|nbsp);)[A-Za-z][A-Za-z0-9]+;)")
# Browsers overlook white space within a scheme, and Markdown a backslash before its colon.
_IGNORED = r"[\s\\]*"
_ACTIVE_SCHEME = re.compile(
    "(?i)({}){}:".format(
        "|".join(_IGNORED.join(scheme) for scheme in ("javascript", "vbscript", "data")), _IGNORED
    )
)


def clean_markdown(source: str) -> str:
    """Return Markdown without HTML, encoded characters or active links; formulas stay whole."""
    source = _TAG_START.sub("< ", for_page(source))
    source = _ENTITY_START.sub("& ", source)
    return _ACTIVE_SCHEME.sub(r"\1 :", source)


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
    picture = data.get("image/png")
    if isinstance(picture, str) and _is_png(picture):
        cleaned["image/png"] = picture
    return cleaned


def _is_png(encoded: str) -> bool:
    if len(encoded) > _MAX_PNG_BYTES:
        return False
    try:
        return base64.b64decode(encoded, validate=True).startswith(_PNG_SIGNATURE)
    except (binascii.Error, ValueError):
        return False
