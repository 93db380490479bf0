"""Nuke scripts read by a real Tcl interpreter, with an `unknown` handler shaped as Nuke's: a class and one braced list."""

from __future__ import annotations

import tkinter
from dataclasses import dataclass, field

FORBIDDEN = (
    "exec", "open", "socket", "source", "file", "glob", "load", "cd", "exit", "package", "interp", "fconfigure",
    "vwait", "after", "pwd", "unload", "encoding",
)  # fmt: skip


class ScriptError(Exception):
    """The script is not one that Nuke would read."""


@dataclass
class UserKnob:
    """One `addUserKnob`.

    Attributes:
        kind: number of the knob's type.
        options: `l`, `t`, `R`, `M`, `T`, `n` and their values.
        flags: such as `+INVISIBLE`.
    """

    kind: int
    name: str
    options: dict[str, str]
    flags: list[str]

    @property
    def entries(self) -> list[str]:
        return list(_tcl().splitlist(self.options.get("M", "")))


@dataclass
class Written:
    """A node as a script holds it.

    Attributes:
        kind: its class.
        knobs: name and value, in order; `addUserKnob` not among them.
        user_knobs: in order.
        children: of a group.
        inputs: nodes, or None where nothing is connected.
    """

    kind: str
    knobs: dict[str, str]
    user_knobs: list[UserKnob]
    inputs: list[Written | None] = field(default_factory=list)
    children: list[Written] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.knobs.get("name", "")


@dataclass
class Script:
    """A whole script.

    Attributes:
        version: of the Nuke it asks for.
        layers: channels by layer, as `add_layer` declares them.
        nodes: at its top.
    """

    version: str = ""
    layers: dict[str, list[str]] = field(default_factory=dict)
    nodes: list[Written] = field(default_factory=list)


_shared: list[tkinter.Tcl] = []


def _tcl():
    if not _shared:
        _shared.append(tkinter.Tcl())
    return _shared[0]


def read(text: str) -> Script:
    """Read a script or gizmo.

    Raises:
        ScriptError: it is no Tcl, leaves a group open, or holds a body that is no list of names and values.
    """
    return _Reader().read(text)


class _Reader:
    def __init__(self) -> None:
        self.tcl = tkinter.Tcl()
        self.script = Script()
        self.ids: dict[str, Written] = {}
        self.stack: list[str] = []
        self.groups: list[tuple[Written, list[str]]] = []
        self.trouble: Exception | None = None
        for name in FORBIDDEN:
            self.tcl.eval(f"catch {{rename {name} {{}}}}")
        for name, call in (
            ("stack", self._at), ("push", self._push), ("end_group", self._end_group), ("version", self._version),
            ("add_layer", self._layer), ("unknown", self._node), ("define_window_layout_xml", lambda *a: ""),
        ):  # fmt: skip
            self.tcl.createcommand(name, self._guarded(call))

    def read(self, text: str) -> Script:
        try:
            self.tcl.eval(text)
        except tkinter.TclError as error:
            raise ScriptError(str(self.trouble or error)) from error
        if self.groups:
            raise ScriptError(f"the group {self.groups[-1][0].name} is not ended")
        return self.script

    def _guarded(self, call):
        def guarded(*words):
            try:
                return call(*words)
            except Exception as error:
                self.trouble = error
                raise

        return guarded

    def _at(self, index: str) -> str:
        return self.stack[-1 - int(index)]

    def _push(self, name: str) -> str:
        if name != "0" and name not in self.ids:
            raise ScriptError(f"push of {name}, which is no node")
        self.stack.append(name)
        return name

    def _version(self, *words: str) -> str:
        self.script.version = " ".join(words)
        return ""

    def _layer(self, text: str) -> str:
        name, *channels = self.tcl.splitlist(text)
        self.script.layers[name] = channels
        return ""

    def _end_group(self) -> str:
        if not self.groups:
            raise ScriptError("end_group without a group")
        _, self.stack = self.groups.pop()
        return ""

    def _node(self, kind: str, *rest: str) -> str:
        if len(rest) != 1:
            raise ScriptError(f"'{kind}' is no command and no node: {rest!r}")
        node = self._written(kind, rest[0])
        count = node.knobs.get("inputs", "0" if kind in ("Group", "Input", "Root") else "1")
        wanted = sum(int(part) for part in count.split("+"))
        if kind == "Group" and "inputs" not in node.knobs:
            wanted = 1 if self.stack else 0
        taken = [self.stack.pop() if self.stack else "0" for _ in range(wanted)]
        node.inputs = [self.ids.get(name) for name in taken]
        name = f"node{len(self.ids)}"
        self.ids[name] = node
        (self.groups[-1][0].children if self.groups else self.script.nodes).append(node)
        self.stack.append(name)
        if kind == "Group":
            self.groups.append((node, self.stack))
            self.stack = []
        return ""

    def _written(self, kind: str, body: str) -> Written:
        words = self.tcl.splitlist(body)
        if len(words) % 2:
            raise ScriptError(f"a {kind} holds {len(words)} words; names and values go in pairs")
        node = Written(kind, {}, [])
        for name, value in zip(words[::2], words[1::2]):
            if name == "addUserKnob":
                node.user_knobs.append(self._user_knob(value))
            elif name in node.knobs:
                raise ScriptError(f"a {kind} sets {name} twice")
            else:
                node.knobs[name] = value
        return node

    def _user_knob(self, text: str) -> UserKnob:
        words = list(self.tcl.splitlist(text))
        if not words[0].isdigit():
            raise ScriptError(f"addUserKnob {{{text}}} does not begin with the number of a type")
        found = UserKnob(int(words[0]), words[1] if len(words) > 1 else "", {}, [])
        rest = words[2:]
        while rest:
            word = rest.pop(0)
            if word[0] in "+-" and word[1:].isupper():
                found.flags.append(word)
            elif word == "R":
                found.options["R"] = f"{rest.pop(0)} {rest.pop(0)}"
            elif len(word) == 1 or (len(word) == 2 and word.isalpha()):
                found.options[word] = rest.pop(0)
            else:
                raise ScriptError(f"addUserKnob {{{text}}} holds '{word}', which is no option")
        return found


def write(script: Script) -> str:
    """A script as text, in one form only; reading it gives an equal script."""
    lines = [f"version {script.version}"] if script.version else []
    lines += [f"add_layer {{{name} {' '.join(channels)}}}" for name, channels in script.layers.items()]
    _write_nodes(script.nodes, lines)
    return "\n".join([*lines, ""])


def _write_nodes(nodes: list[Written], lines: list[str]) -> None:
    names = {id(node): f"N{index}" for index, node in enumerate(nodes)}
    for node in nodes:
        for given in reversed(node.inputs):
            lines.append(f"push ${names[id(given)]}" if given is not None else "push 0")
        lines.append(f"{node.kind} {{")
        knobs = dict(node.knobs)
        values = {"inputs": knobs.pop("inputs", str(len(node.inputs))), **knobs}
        late = {knob.name for knob in node.user_knobs}
        lines += [f" {name} {_word(value)}" for name, value in values.items() if name not in late]
        for knob in node.user_knobs:
            options = [f"{name} {value if name == 'R' else _word(value)}" for name, value in knob.options.items()]
            lines.append(f" addUserKnob {{{' '.join([str(knob.kind), _word(knob.name), *options, *knob.flags])}}}")
            if knob.name in values:
                lines.append(f" {knob.name} {_word(values[knob.name])}")
        lines.append("}")
        if node.kind == "Group":
            kept = f"set {names[id(node)]}"
            _write_nodes(node.children, lines)
            lines += ["end_group", f"{kept} [stack 0]"]
        else:
            lines.append(f"set {names[id(node)]} [stack 0]")


def _word(text: str) -> str:
    """A text as one word of Tcl in which nothing is substituted."""
    if text and all(sign.isalnum() or sign in "_./:%-" for sign in text):
        return text
    for plain, escaped in (
        ("\\", "\\\\"), ('"', '\\"'), ("[", "\\["), ("$", "\\$"), ("{", "\\{"), ("}", "\\}"), ("\n", "\\n"),
    ):  # fmt: skip
        text = text.replace(plain, escaped)
    return f'"{text}"'
