"""The command's sentences in the words of a node: where they name an option, the knob that sets it."""

from __future__ import annotations

import re

LABELS = {
    "--at-cuts": "at cuts",
    "--colour": "colour space",
    "--consistency": "consistency",
    "--cuts": "cuts",
    "--depth": "depth",
    "--device": "device",
    "--every": "paint every",
    "--fill": "fill",
    "--fill-minutes": "fill minutes",
    "--frames": "frames",
    "--key": "key frames",
    "--keys": "key frames",
    "--look": "model",
    "--masks-guide": "masks guide the look",
    "--memory": "memory",
    "--model": "model",
    "--motion": "motion model",
    "--most": "at most",
    "--out": "output directory",
    "--out-first": "first output frame",
    "--painted": "painted already",
    "--repair": "repair",
    "--scale-keys": "scale keys",
    "--server": "server",
    "--share": "coverage",
    "--shot": "shot",
    "--speed": "output speed",
    "--style": "style",
    "--threads": "threads",
    "--timing": "timing",
    "--view": "views",
}
"""What the knobs are called that set what an option of the command does."""

_OPTION = re.compile(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*")


def for_artists(sentence: str) -> str:
    """A sentence of the command with the labels of knobs, quoted, for its options; those no node has stay."""
    return _OPTION.sub(lambda found: f"'{LABELS[found[0]]}'" if found[0] in LABELS else found[0], sentence)
