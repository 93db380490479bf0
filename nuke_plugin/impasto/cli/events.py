"""Events on standard output: one JSON object a line.

Every line holds `schema` (1), `type`, `job` (`jobs/ID`, empty before there is one) and `number` (of the event in the
job, 0 for what this command alone saw). Types and their further fields are those of `impasto.client`'s events:
`planning`, `planned`, `sent`, `state`, `progress`, `shots`, `frame_done`, `frame_skipped`, `frame_failed`, `replanned`,
`warning`, `file_made`, `keys_picked`. The last line is `finished` with `exit`, `reason` and `message`, the two empty
where all is well. Types and fields may be added within a schema.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from impasto.client import Event

SCHEMA = 1


def line(event: Event) -> str:
    """An event as its line, without the line's end."""
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return _line({"type": event.type, "job": values.pop("job"), "number": values.pop("number"), **values})


def finished_line(code: int, reason: str, message: str) -> str:
    """The last line."""
    return _line({"type": "finished", "job": "", "number": 0, "exit": code, "reason": reason, "message": message})


def _line(values: dict[str, Any]) -> str:
    return json.dumps(_finite({"schema": SCHEMA, **values}), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: null takes their place. Lone surrogates of file names are shown as `?`."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
