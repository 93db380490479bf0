"""Draw docs/images/nuke-*.svg from the files: each node's inner graph and panel as an artist will find them, and the
graphs of the example scripts.

The panel is a rendering of the file, not a picture of Nuke: in Nuke fonts and spacing differ.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

import nukescript
from nukescript import UserKnob, Written

PROJECT = Path(__file__).parents[2]
IMAGES = PROJECT / "docs/images"

COLOURS = {
    "Input": "#7d8f5a", "Output": "#7d8f5a", "Read": "#b59a5a", "Write": "#b5825a", "Switch": "#5f7fa8",
    "Keymix": "#4f6fb5", "Copy": "#8a6fa8", "ChannelMerge": "#8a6fa8", "STMap": "#a85f6f", "VectorBlur2": "#a85f6f",
}  # fmt: skip
WIDTH, HEIGHT, ACROSS, DOWN = 118, 26, 150, 58
PANEL, ROW, LABEL = 620, 27, 150


def drawings() -> dict[str, str]:
    """Text of every picture by its file's name."""
    found = {}
    for path in sorted((PROJECT / "gizmos").glob("*.gizmo")):
        (node,) = nukescript.read(path.read_text(encoding="utf-8")).nodes
        name = "-".join(re.findall(r"STMap|[A-Z][a-z]+", path.stem)[1:]).lower()
        found[f"nuke-{name}-graph.svg"] = graph(node)
        found[f"nuke-{name}-panel.svg"] = panel(node)
    for path in sorted((PROJECT / "gizmos/examples").glob("*.nk")):
        nodes = nukescript.read(path.read_text(encoding="utf-8")).nodes
        shown = [node for node in nodes if node.kind not in ("Root", "StickyNote")]
        found[f"nuke-example-{path.stem.replace('_', '-')}.svg"] = graph(Written("Group", {}, [], children=shown))
    return found


def graph(group: Written) -> str:
    """The nodes inside, sources on top, an arrow into every input."""
    place = _places(group)
    width = max(x for x, _ in place.values()) + WIDTH + 20
    height = max(y for _, y in place.values()) + HEIGHT + 20
    lines = []
    for child in group.children:
        x, y = place[id(child)]
        for index, given in enumerate(child.inputs):
            if given is not None:
                from_x, from_y = place[id(given)]
                to = x + WIDTH * (index + 1) / (len(child.inputs) + 1)
                start, middle = from_x + WIDTH / 2, (from_y + HEIGHT + y) / 2
                lines.append(
                    f'<path d="M{start:g} {from_y + HEIGHT} C{start:g} {middle:g} {to:g} {middle:g} {to:g} {y}" '
                    f'fill="none" stroke="#999" marker-end="url(#tip)"/>'
                )
    for child in group.children:
        x, y = place[id(child)]
        dashed = ' stroke-dasharray="3 2"' if child.knobs.get("disable") == "true" else ""
        lines.append(
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="{COLOURS.get(child.kind, "#666")}"'
            f' stroke="#222"{dashed}/>'
        )
        lines.append(_text(x + WIDTH / 2, y + 12, child.name, 10, "middle", "#fff"))
        lines.append(_text(x + WIDTH / 2, y + 22, child.kind, 8, "middle", "#ddd"))
    tip = '<defs><marker id="tip" markerWidth="7" markerHeight="7" refX="6" refY="3" orient="auto">'
    tip += '<path d="M0 0L6 3L0 6z" fill="#999"/></marker></defs>'
    return _svg(width, height, [tip, *lines])


def _places(group: Written) -> dict[int, tuple[int, int]]:
    """Left upper corners: rows by what must come before, in a row each node below the middle of its inputs."""
    row = _rows(group)
    place: dict[int, tuple[int, int]] = {}
    for number in range(max(row.values()) + 1):
        wished = []
        for child in (child for child in group.children if row[id(child)] == number):
            above = [place[id(given)][0] for given in child.inputs if given is not None]
            wished.append((sum(above) // len(above) if above else int(child.knobs.get("xpos", 0)), child))
        free = 20
        for x, child in sorted(wished, key=lambda pair: pair[0]):
            place[id(child)] = (max(free, x if number else free), 20 + number * DOWN)
            free = place[id(child)][0] + ACROSS
    return place


def _rows(group: Written) -> dict[int, int]:
    found: dict[int, int] = {}
    for child in group.children:  # a script names a node after all that flows into it
        found[id(child)] = 1 + max((found[id(given)] for given in child.inputs if given is not None), default=-1)
    return found


def panel(group: Written) -> str:
    """The knobs as rows, first tab and then the next."""
    y, x, parts = 16, LABEL, []
    for knob in group.user_knobs:
        if "+INVISIBLE" in knob.flags:
            continue
        label = knob.options.get("l", "").strip()
        beside = "-STARTLINE" in knob.flags
        if not beside:
            y, x = y + ROW, LABEL
        if knob.options.get("n") == "-1":
            y -= ROW // 2
            parts.append(f'<path d="M12 {y + 2}H{PANEL - 12}" stroke="#555"/>')
        elif "n" in knob.options:
            parts.append(_text(12, y, f"\u25be {label} (closed at first)", 12, "start", "#bbb"))
        elif knob.kind == 20:
            parts += [_box(0, y - 18, PANEL, 24, "#2b2b2b"), _text(12, y, label, 13, "start", "#e0a040")]
        elif knob.kind == 26:
            title = re.sub(r"<[^>]+>", "", knob.options.get("T", ""))
            parts.append(f'<path d="M12 {y + 4}H{PANEL - 12}" stroke="#555"/>')
            parts.append(_text(LABEL, y - 1, title, 12, "start", "#fff", bold=True))
        else:
            if "+HIDDEN" in knob.flags:  # shown when its model is chosen
                label = f"{knob.options['t'].partition(':')[0]}: {label}"
            x = _row(parts, knob, group.knobs.get(knob.name, ""), label, x, y, beside)
    return _svg(PANEL, y + 20, [_box(0, 0, PANEL, y + 20, "#3a3a3a"), *parts])


def _row(parts: list[str], knob: UserKnob, value: str, label: str, x: int, y: int, beside: bool) -> int:
    """One knob; where the next may stand beside it."""
    tip = f"<title>{escape(knob.options.get('t', ''))}</title>"
    if knob.kind == 22:
        wide = 18 + 7 * len(label)
        inside = _box(x, y - 15, wide, 20, "#555") + _text(x + wide / 2, y, label, 11, "middle", "#eee")
        parts.append(f"<g>{tip}{inside}</g>")
        return x + wide + 6
    if knob.kind == 6:
        mark = "#e0a040" if value == "true" else "#222"
        parts.append(f"<g>{tip}{_box(x, y - 11, 12, 12, mark)}{_text(x + 18, y, label, 11, 'start', '#ddd')}</g>")
        return x + 34 + 7 * len(label)
    if beside:
        x += 7 * len(label) + 12
    shown = knob.entries[0] + " &#9662;" if knob.kind == 4 else escape(value)
    if knob.kind in (3, 7):
        shown = shown or "0"
    if knob.kind == 41:
        shown = "rgba.alpha &#9662;"
    wide = min(150 if knob.kind in (3, 4, 41) else 300, PANEL - x - 20)
    inside = _text(x - 8, y, label, 11, "end", "#ddd") + _box(x, y - 15, wide, 20, "#222")
    inside += f'<text x="{x + 6}" y="{y}" font-size="11" fill="#eee">{shown}</text>'
    if "R" in knob.options:
        low, high = map(float, knob.options["R"].split())
        share = (float(value or 0) - low) / (high - low)
        inside += f'<path d="M{x + 310} {y - 5}H{PANEL - 14}" stroke="#777"/>'
        inside += f'<circle cx="{x + 310 + share * (PANEL - 324 - x):.1f}" cy="{y - 5}" r="4" fill="#e0a040"/>'
    parts.append(f"<g>{tip}{inside}</g>")
    return x + wide + 14


def _box(x: float, y: float, wide: float, high: float, fill: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="3" fill="{fill}"/>'


def _text(x: float, y: float, text: str, size: int, anchor: str, fill: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}>{escape(text)}</text>'


def _svg(width: float, height: float, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
        f' viewBox="0 0 {width:g} {height:g}" font-family="sans-serif">'
    )
    return "\n".join([head, *parts, "</svg>", ""])


if __name__ == "__main__":
    for name, text in drawings().items():
        (IMAGES / name).write_text(text, encoding="utf-8", newline="\n")
        print(name)
