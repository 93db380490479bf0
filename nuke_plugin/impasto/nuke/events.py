"""What the command says: one JSON object a line."""

from __future__ import annotations

import json
from typing import Any

from impasto.nuke import wording
from impasto.nuke.errors import FAILED, NodeError

SCHEMA = 1

Event = dict[str, Any]


def read(line: str) -> Event | None:
    """The event in a line, in the words of the nodes; None for a line that holds none (a wrapper's greeting, say).

    Raises:
        NodeError: the command speaks a newer schema.
    """
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or "schema" not in event or "type" not in event:
        return None
    if event["schema"] != SCHEMA:
        raise NodeError(
            f"The impasto command speaks events of schema {event['schema']}, this node of schema {SCHEMA}; install the"
            " nodes that belong to the command: run 'impasto nuke install'.",
            FAILED,
            reason="SCHEMA",
        )
    if isinstance(event.get("message"), str):
        event["message"] = wording.for_artists(event["message"])
    return event


def sentence(event: Event) -> str:
    """An event for people, in a few words."""
    kind = event["type"]
    if kind == "progress":
        return f"{event.get('stage', '')} {event.get('frame', '')}".strip()
    if kind == "sent":
        return f"sending {_share(event.get('sent_bytes', 0), event.get('total_bytes', 0))} %"
    if kind == "planned":
        return f"shot {event.get('shot', '')}, to do {event.get('todo') or 'nothing'}"
    if kind == "shots":
        return f"shots {', '.join(event.get('shots', ()))}"
    if kind in ("frame_done", "frame_skipped"):
        return f"frame {event.get('frame', '')} {'done' if kind == 'frame_done' else 'was there'}"
    if kind == "frame_failed":
        return f"frame {event.get('frame', '')} failed: {event.get('message', '')}"
    return str(event.get("message") or event.get("state") or kind)


def _share(part: float, whole: float) -> int:
    return int(100 * part / whole) if whole else 100
