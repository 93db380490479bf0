"""Nuke script as text: knobs, nodes and groups, each written so that Nuke reads back what was meant."""

from __future__ import annotations

from collections.abc import Iterable

OLDEST_NUKE = "14.0 v1"

ON_CREATE = "try:\n    import impasto.nuke\nexcept ImportError:\n    pass\nelse:\n    impasto.nuke.created()"
KNOB_CHANGED = ON_CREATE.replace("created", "changed")

LAYERS = """add_layer {forward forward.u forward.v}
add_layer {backward backward.u backward.v}
add_layer {occlusion occlusion.next occlusion.prev occlusion.cause}
add_layer {confidence confidence.next confidence.prev}
add_layer {source source.x source.y source.frame source.kind}
add_layer {depth depth.Z}
add_layer {stmap stmap.u stmap.v}
add_layer {coverage coverage.a}"""


def quoted(text: str) -> str:
    """A text as one word of Tcl that Nuke reads back as it is."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("[", "\\["), ("$", "\\$"), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return f'"{text}"'


def word(text: str) -> str:
    """A text as it stands in a list: quoted where it must be."""
    return text if text and all(sign.isalnum() or sign in "_.#-" for sign in text) else f'"{text}"'


def knob(kind: int, name: str, label: str = "", tooltip: str = "", more: str = "", value: str = "") -> str:
    """One `addUserKnob`, with the value it has where that is not its kind's own."""
    pieces = [str(kind), name or '""']
    pieces += [f"l {word(label)}"] if label else []
    pieces += [f't "{tooltip}"'] if tooltip else []
    pieces += [more] if more else []
    line = f" addUserKnob {{{' '.join(pieces)}}}"
    return f"{line}\n {name} {value}" if value else line


def heading(text: str) -> str:
    return knob(26, text.lower().replace(" ", "_") + "_heading", " ", more=f'T "<b>{text}</b>"')


def button(name: str, label: str, tooltip: str, starts_line: bool = False) -> str:
    return knob(
        22,
        name,
        label,
        tooltip,
        f'T "import impasto.nuke; impasto.nuke.press(\\"{name}\\")" {"+" if starts_line else "-"}STARTLINE',
    )


def menu(name: str, label: str, tooltip: str, entries: Iterable[str], beside: bool = False) -> str:
    entered = f"M {{{' '.join(word(entry) for entry in entries)}}}"
    return knob(4, name, label, tooltip, f"{entered} -STARTLINE" if beside else entered)


def box(name: str, label: str, tooltip: str, ticked: bool = False, starts_line: bool = True) -> str:
    return knob(6, name, label, tooltip, f"{'+' if starts_line else '-'}STARTLINE", "true" if ticked else "")


def closed(name: str, label: str) -> str:
    """Begins a group of rows that is closed at first; `closed_end` ends it."""
    return knob(20, name, label, more="n 2")


def closed_end(name: str) -> str:
    return knob(20, f"{name}_end", "endGroup", more="n -1")


def hidden(kind: int, name: str, value: str = "") -> str:
    return knob(kind, name, more="+INVISIBLE", value=value)


def node(kind: str, name: str, at: tuple[int, int], *values: str, inputs: str = "") -> str:
    """One inner node; `inputs` where it is not one."""
    lines = [f" {kind} {{"]
    lines += [f"  inputs {inputs}"] if inputs else []
    lines += [f"  {value}" for value in values]
    lines += [f"  name {name}", f"  xpos {at[0]}", f"  ypos {at[1]}", " }"]
    return "\n".join(lines)


def source(name: str, number: int, x: int) -> str:
    return node("Input", name, (x, 0), *([f"number {number}"] if number else []), inputs="0")


def keep(name: str) -> str:
    return f"set N{name} [stack 0]"


def take(*names: str) -> str:
    """Names in the order of the inputs, the first the node's input 0."""
    return "\n".join(f"push $N{name}" for name in reversed(names))


def group(name: str, help_text: str, knobs: Iterable[str], nodes: Iterable[str]) -> str:
    head = [
        "Group {",
        f" name {name}1",
        f" help {quoted(help_text)}",
        f" onCreate {quoted(ON_CREATE)}",
        f" knobChanged {quoted(KNOB_CHANGED)}",
        f" label {quoted('[value status]')}",
    ]
    return "\n".join([f"version {OLDEST_NUKE}", LAYERS, *head, *knobs, "}", *nodes, "end_group", ""])
