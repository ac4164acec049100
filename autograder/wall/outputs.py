"""What a student's cells display, cleaned: text and PNG images, within the caps."""

from __future__ import annotations

from typing import Any

from autograder.sandboxed.wire import MAX_KEPT, MAX_NAME, MAX_OUTPUTS, MAX_PRINTED, MAX_TEXT, MAX_TRACE_LINES
from exercises.lost import AnswerLost


def lost_output(lost: AnswerLost) -> dict[str, Any]:
    """The error output of a cell whose process was lost in it."""
    words = {
        "timed out": "This cell went over its time limit and was stopped.",
        "out of memory": "This cell went over its memory limit and was stopped.",
    }
    text = words.get(lost.status, "This cell ended its process (an exit, or a crash). The cells before it still count.")
    return {"output_type": "error", "ename": lost.status, "evalue": text, "traceback": [text]}


def clean_outputs(outputs: list[Any]) -> list[dict[str, Any]]:
    """Only text and PNG images, within the caps: a student's HTML and JavaScript stay out of the TA's browser.

    Nothing of what is given is trusted: it can be any data. What is no output is left out.
    """
    kept: list[dict[str, Any]] = []
    room = MAX_KEPT
    for output in outputs:
        clean = _clean_output(output) if isinstance(output, dict) else None
        if clean is None:
            continue
        size = len(str(clean))
        if size > room or len(kept) >= MAX_OUTPUTS:
            kept.append({"output_type": "stream", "name": "stdout", "text": "... more output was cut\n"})
            break
        room -= size
        kept.append(clean)
    return kept


def _clean_output(output: dict[Any, Any]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": str(output.get("text", ""))}
    if kind == "error":
        lines = output.get("traceback")
        trace = [str(line) for line in lines] if isinstance(lines, list) else []
        return {
            "output_type": "error",
            "ename": str(output.get("ename", ""))[:MAX_NAME],
            "evalue": str(output.get("evalue", ""))[:MAX_TEXT],
            "traceback": trace[:MAX_TRACE_LINES],
        }
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        data = {mime: _clean_data(mime, output["data"].get(mime)) for mime in ("text/plain", "image/png")}
        clean = {"output_type": kind, "metadata": {}, "data": {k: v for k, v in data.items() if v is not None}}
        if kind == "execute_result":
            clean["execution_count"] = None
        return clean if clean["data"] else None
    return None


def _clean_data(mime: str, value: Any) -> str | None:
    if mime == "text/plain":
        return str(value)[:MAX_PRINTED] if value is not None else None
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode() if value.startswith(b"\x89PNG\r\n") else None
    if isinstance(value, str) and value.startswith("iVBORw0KGgo") and all(c.isalnum() or c in "+/=\n" for c in value):
        return value
    return None
