"""A fake `nuke`, strict: what it has is checked against the stubs of the real one, and it enforces the rules we know.

It proves our calls, not Nuke's behaviour. The rules: calls from another thread than the main one, `execute` within an
`execute` or within a callback, `executeInMainThread` on the main thread, and windows where there are none are errors,
noted in `_violations` also where somebody swallows them. Names that begin with `_` are for tests alone.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import os
import re
import shutil
import sys
import threading
import time
import tkinter
import traceback
from pathlib import Path

import nukescript

EXPRESSIONS, INPUTS, HIDDEN_INPUTS = 1, 2, 4
TO_SCRIPT, WRITE_USER_KNOB_DEFS, WRITE_NON_DEFAULT_ONLY = 1, 4, 16
INVISIBLE = 1024
GUI = True
NUKE_VERSION_STRING = "0.0fake"

_main = threading.main_thread()
_violations: list[str] = []
_messages: list[str] = []
_printed: list[str] = []
_tasks: list[ProgressTask] = []
_executed: list[tuple[str, int, str]] = []
_steps: list[str] = []
_plugin_path: list[str] = []
_callbacks: dict[str, list] = {}
_this: list[tuple[object, object]] = []
_queue: list = []
_lock = threading.Lock()
_state = {"frame": 1, "executing": False, "cancel": False, "fail": "", "undo": 0, "undo_disabled": 0, "script": ""}


def _violate(words: str):
    _violations.append(words + "\n" + "".join(traceback.format_stack(limit=6)[:-2]))
    raise RuntimeError(words)


_held: list[str] = []
"""What the main thread is at, innermost last, where it must not wait for files."""


_holds: list[tuple[str, float, float]] = []
"""For how many seconds, and seconds of work, the main thread was held, Nuke's own work left out."""
_own = [0.0, 0.0]


@contextlib.contextmanager
def _holding(what: str):
    """Within, with windows, the main thread looks at no file: that may take longer than an artist waits."""
    began, worked = time.perf_counter(), time.thread_time()
    if not _held:
        _own[:] = 0.0, 0.0
    _held.append(what)
    try:
        yield
    finally:
        _held.pop()
        if not _held:
            held = time.perf_counter() - began - _own[0]
            _holds.append((what, held, time.thread_time() - worked - _own[1]))


@contextlib.contextmanager
def _nukes_own():
    """Within, Nuke itself works, and may."""
    began, worked = time.perf_counter(), time.thread_time()
    before, _held[:] = _held[:], []
    try:
        yield
    finally:
        _held[:] = before
        _own[0] += time.perf_counter() - began
        _own[1] += time.thread_time() - worked


def _file_touched(what: str, path) -> None:
    python = str(path).endswith((".py", ".pyc")) or "/lib/python" in str(path)
    if GUI and _held and threading.current_thread() is _main and not python:
        where = "".join(traceback.format_stack(limit=8))
        _violations.append(f"{what} of {path} on the main thread in {_held[-1]}\n{where}")


def _hear(event: str, args: tuple) -> None:
    if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.listdir", "os.scandir", "subprocess.Popen"):
        _file_touched(event, args[0])


def _stat(path, *args, **kwargs):
    _file_touched("os.stat", path)
    return _true_stat(path, *args, **kwargs)


_true_stat, os.stat = os.stat, _stat
sys.addaudithook(_hear)


def _only_main(name: str) -> None:
    if threading.current_thread() is not _main:
        _violate(f"{name} was called from the thread {threading.current_thread().name}")


class Knob:
    def __init__(self, *args, **kwargs) -> None:
        self._name = args[0] if args else ""
        self._node = None
        self._value = ""
        self._default = ""
        self._enabled = self._visible = True
        self._flags: set[int] = set()

    def Class(self) -> str:
        return type(self).__name__

    def name(self) -> str:
        return self._name

    def value(self, index: int = 0):
        _only_main(f"{self._name}.value")
        return self._value

    def setValue(self, val, chan: int = 0):
        _only_main(f"{self._name}.setValue")
        self._take(val)
        root_node = globals().get("_root")
        if root_node is not None:
            root_node._modified = True
        if self._node is not None:
            self._node._knob_changed(self)
        return True

    def setEnabled(self, enabled: bool) -> None:
        _only_main(f"{self._name}.setEnabled")
        self._enabled = enabled

    def enabled(self) -> bool:
        return self._enabled

    def setFlag(self, *args, **kwargs) -> None:
        _only_main("setFlag")
        self._flags.add(args[0])

    def visible(self) -> bool:
        return self._visible

    def setVisible(self, visible: bool) -> None:
        _only_main("setVisible")
        self._visible = visible

    def setTooltip(self, tooltip: str) -> None:
        self._tooltip = tooltip

    def toScript(self, *args, **kwargs) -> str:
        _only_main(f"{self._name}.toScript")
        return self._to_script()

    def fromScript(self, script: str) -> None:
        _only_main(f"{self._name}.fromScript")
        self._from_script(script)
        if self._node is not None:
            self._node._knob_changed(self)

    def _take(self, val) -> None:
        self._value = val

    def _from_script(self, text: str) -> None:
        self._value = text

    def _to_script(self) -> str:
        return str(self._value)


class String_Knob(Knob):
    def setValue(self, val, view=None) -> None:
        if not isinstance(val, str):
            raise TypeError(f"{self._name} takes text, not {val!r}")
        super().setValue(val)


class EvalString_Knob(String_Knob):
    def evaluate(self, *args, **kwargs):
        return tcl("subst", self._value)


class File_Knob(EvalString_Knob):
    pass


class Array_Knob(Knob):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args)
        self._value = self._default = 0

    def _take(self, val) -> None:
        if isinstance(val, str):
            raise TypeError(f"{self._name} takes a number, not {val!r}")
        self._value = type(self._default)(val)

    def _from_script(self, text: str) -> None:
        if text.startswith(("{", "(")) or not re.fullmatch(r"-?[\d.]+(e-?\d+)?", text):
            self._value = text if text else 0  # an expression, or a list of numbers
        else:
            self._value = type(self._default)(float(text))

    def setRange(self, *args, **kwargs) -> None:
        self._range = args

    def setDefaultValue(self, *args, **kwargs) -> None:
        self._default = self._value = args[0][0]

    def isAnimated(self, *args, **kwargs) -> bool:
        return isinstance(self._value, str) and "curve" in self._value

    def getValueAt(self, *args, **kwargs):
        """A curve here is a straight line, written `curve FACTOR OFFSET`."""
        if not self.isAnimated():
            return self._value
        _, factor, offset = self._value.strip("{}").split()
        return float(factor) * args[0] + float(offset)


class Int_Knob(Array_Knob):
    pass


class Double_Knob(Array_Knob):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args)
        self._value = self._default = 0.0


class Boolean_Knob(Array_Knob):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args)
        self._value = self._default = False

    def _take(self, val) -> None:
        if not isinstance(val, (bool, int)):
            raise TypeError(f"{self._name} takes True or False, not {val!r}")
        self._value = bool(val)

    def _from_script(self, text: str) -> None:
        self._value = {"true": True, "false": False, "1": True, "0": False}.get(text, text)

    def _to_script(self) -> str:
        return str(self._value).lower()


class Unsigned_Knob(Array_Knob):
    pass


class Enumeration_Knob(Unsigned_Knob):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args)
        self._entries = list(args[2]) if len(args) > 2 else []
        self._value = self._default = self._entries[0] if self._entries else ""

    def values(self):
        return list(self._entries)

    def setValues(self, *args, **kwargs):
        _only_main("setValues")
        self._entries = list(args[0])

    def numValues(self) -> int:
        return len(self._entries)

    def _take(self, val) -> None:
        entry = self._entries[val] if isinstance(val, int) else val
        if entry not in self._entries:
            raise ValueError(f"{self._name} offers {self._entries}, not {val!r}")
        self._value = entry

    def _from_script(self, text: str) -> None:
        self._value = text
        if text not in self._entries:
            self._entries.append(text)


class Script_Knob(String_Knob):
    _pressed = 0

    def execute(self) -> None:
        _only_main("execute")
        self._pressed += 1


class PyScript_Knob(Script_Knob):
    def execute(self) -> None:
        _only_main("execute")
        with _this_is(self._node, self):
            exec(self._value, {"nuke": sys.modules[__name__]})


class Link_Knob(Knob):
    pass


class Tab_Knob(Knob):
    pass


class Text_Knob(Knob):
    pass


_KNOBS = {
    1: String_Knob, 2: File_Knob, 3: Int_Knob, 4: Enumeration_Knob, 6: Boolean_Knob, 7: Double_Knob, 20: Tab_Knob,
    22: PyScript_Knob, 26: Text_Knob, 41: Link_Knob,
}  # fmt: skip

_EVERY = {
    "name": String_Knob, "label": String_Knob, "onCreate": String_Knob, "knobChanged": String_Knob,
    "tile_color": Int_Knob, "disable": Boolean_Knob, "xpos": Int_Knob, "ypos": Int_Knob, "selected": Boolean_Knob,
    "inputs": String_Knob,
}  # fmt: skip

_CLASSES = {
    "Group": {"help": String_Knob},
    "Input": {"number": Int_Knob},
    "Output": {},
    "Dot": {},
    "Blur": {"size": Double_Knob, "channels": String_Knob},
    "Grade": {"white": Double_Knob},
    "Dilate": {"size": Double_Knob, "channels": String_Knob},
    "Read": {
        "file": File_Knob, "first": Int_Knob, "last": Int_Knob, "on_error": String_Knob, "raw": Boolean_Knob,
        "reload": Script_Knob, "localizationPolicy": String_Knob, "origset": Boolean_Knob, "format": String_Knob,
    },
    "Write": {
        "file": File_Knob, "channels": String_Knob, "raw": Boolean_Knob, "file_type": String_Knob,
        "datatype": String_Knob, "metadata": String_Knob, "create_directories": Boolean_Knob,
    },
    "Reformat": {"type": String_Knob, "scale": Double_Knob},
    "FrameRange": {"first_frame": Int_Knob, "last_frame": Int_Knob},
    "Switch": {"which": Int_Knob},
    "Premult": {"channels": String_Knob},
    "Unpremult": {"channels": String_Knob},
    "Copy": {"from0": String_Knob, "to0": String_Knob, "from1": String_Knob, "to1": String_Knob},
    "ChannelMerge": {"A": String_Knob, "operation": String_Knob, "B": String_Knob, "output": String_Knob},
    "Expression": {f"expr{index}": String_Knob for index in range(4)},
    "Invert": {"channels": String_Knob},
    "Multiply": {"channels": String_Knob, "value": Double_Knob},
    "Keymix": {"channels": String_Knob, "maskChannel": String_Knob, "bbox": String_Knob},
    "Constant": {"channels": String_Knob, "color": Double_Knob},
    "STMap": {"uv": String_Knob, "channels": String_Knob},
    "VectorBlur2": {"uv": String_Knob, "scale": Double_Knob},
    "IDistort": {"uv": String_Knob, "channels": String_Knob, "uv_scale": Double_Knob},
    "Merge2": {"operation": String_Knob},
    "FrameHold": {"first_frame": Int_Knob},
    "Viewer": {},
    "StickyNote": {},
    "BackdropNode": {"bdwidth": Int_Knob, "bdheight": Int_Knob},
}  # fmt: skip


class Node:
    def __init__(self, *args, **kwargs) -> None:
        self._class = args[0]
        self._parent = None
        self._inputs: list = []
        self._knobs: dict[str, Knob] = {}
        for name, kind in {**_EVERY, **_CLASSES.get(self._class, {})}.items():
            self._add(kind(name))
        self._in_change = False
        self._gone = False
        self._clones = 0

    def _add(self, knob: Knob) -> Knob:
        knob._node = self
        self._knobs[knob._name] = knob
        return knob

    def _attached(self, name: str) -> None:
        _only_main(name)
        if self._gone:
            raise ValueError("A PythonObject is not attached to a node")

    def Class(self) -> str:
        self._attached("Class")
        return self._class

    def addKnob(self, knob) -> None:
        self._attached("addKnob")
        kind = next(number for number, known in _KNOBS.items() if type(knob) is known)
        flags = ["+INVISIBLE"] if INVISIBLE in knob._flags else []
        self._add(knob)._user = nukescript.UserKnob(kind, knob._name, {}, flags)

    def name(self) -> str:
        return self._knobs["name"]._value

    def fullName(self) -> str:
        self._attached("fullName")
        parent = self._parent
        return self.name() if parent is None or parent is _root else f"{parent.fullName()}.{self.name()}"

    def knob(self, p, follow_link: bool = True):
        self._attached("knob")
        return self._knobs.get(p)

    def knobs(self):
        return dict(self._knobs)

    def __getitem__(self, name: str) -> Knob:
        self._attached("__getitem__")
        if name not in self._knobs:
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def input(self, index: int):
        self._attached("input")
        return self._inputs[index] if index < len(self._inputs) else None

    def inputs(self) -> int:
        return len(self._inputs)

    def setInput(self, i: int, node) -> bool:
        self._attached("setInput")
        self._inputs += [None] * (i + 1 - len(self._inputs))
        self._inputs[i] = node
        return True

    def parent(self):
        return self._parent

    def dependencies(self, mask: int) -> list:
        self._attached("dependencies")
        return [node for node in self._inputs if node is not None]

    def frameRange(self):
        if self._class == "Read":
            return FrameRange(self._knobs["first"]._value, self._knobs["last"]._value, 1)
        return self._inputs[0].frameRange() if self._inputs and self._inputs[0] else FrameRange(1, 100, 1)

    def dependent(self, mask: int, forceEvaluate: bool = True) -> list:
        self._attached("dependent")
        return [node for node in self._parent.nodes() if self in node._inputs]

    def setName(self, name: str, uncollide: bool = True, updateExpressions: bool = False) -> None:
        self._attached("setName")
        self._parent._children.remove(self)
        _into(self._parent, self, name)

    def clones(self) -> int:
        return self._clones

    def isSelected(self) -> bool:
        return self._knobs["selected"]._value

    def setSelected(self, selected: bool) -> None:
        self._attached("setSelected")
        self._knobs["selected"]._value = selected

    def readKnobs(self, s: str) -> None:
        self._attached("readKnobs")
        text = f"{self._class} {{\n{s}\n}}\n" + "end_group\n" * (self._class == "Group")
        with _nukes_own():
            (read,) = nukescript.read(text).nodes
        _set_up(self, read)

    def writeKnobs(self, flags: int = 0) -> str:
        self._attached("writeKnobs")
        lines = []
        if flags & WRITE_USER_KNOB_DEFS:
            written = nukescript.Written(
                "Group", {}, [knob._user for knob in self._knobs.values() if hasattr(knob, "_user")]
            )
            told = nukescript.write(nukescript.Script(nodes=[written]))
            lines = [line for line in told.splitlines() if line.startswith(" addUserKnob")]
        lines += [f"{name} {knob._to_script()}" for name, knob in self._knobs.items() if knob._value != knob._default]
        return "\n".join(lines)

    def _knob_changed(self, knob: Knob) -> None:
        code = self._knobs["knobChanged"]._value
        if not code or self._in_change or _state["loading"]:
            return
        self._in_change = True
        try:
            with _this_is(self, knob), _callback(), _holding(f"knobChanged of {knob._name}"):
                exec(code, {"nuke": sys.modules[__name__]})
        finally:
            self._in_change = False


_state["loading"] = False


class Group(Node):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*(args or ("Group",)))
        self._children: list[Node] = []

    def nodes(self) -> list:
        self._attached("nodes")
        return list(self._children)

    def node(self, s: str):
        self._attached("node")
        return next((node for node in self._children if node.name() == s), None)

    def selectedNodes(self) -> list:
        return [node for node in self._children if node.isSelected()]

    def begin(self):
        _context.append(self)
        return self

    def end(self) -> None:
        _context.remove(self)


class _ScriptName(String_Knob):
    def _take(self, val) -> None:
        _state["script"] = val


class Root(Group):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__("Root")
        self._modified = False
        for kind, name, value in (
            (Boolean_Knob, "proxy", False), (String_Knob, "colorManagement", "Nuke"),
            (String_Knob, "workingSpaceLUT", "linear"), (File_Knob, "customOCIOConfigPath", ""),
            (Int_Knob, "first_frame", 1), (Int_Knob, "last_frame", 100),
        ):  # fmt: skip
            self._add(kind(name))._value = value
        self._add(_ScriptName("name"))

    def name(self) -> str:
        return _state["script"] or "Root"

    def firstFrame(self) -> int:
        return self._knobs["first_frame"]._value

    def lastFrame(self) -> int:
        return self._knobs["last_frame"]._value

    def modified(self) -> bool:
        return self._modified

    def setModified(self, modified: bool) -> None:
        _only_main("setModified")
        self._modified = modified


class FrameRange:
    def __init__(self, *args, **kwargs) -> None:
        self._first, self._last, self._increment = args

    def first(self) -> int:
        return self._first

    def last(self) -> int:
        return self._last


class Undo:
    @classmethod
    def begin(cls, *args, **kwargs):
        _only_main("Undo.begin")
        _state["undo"] += 1
        _steps.extend(args)

    @classmethod
    def end(cls, *args, **kwargs):
        _state["undo"] -= 1

    @classmethod
    def disable(cls, *args, **kwargs):
        _only_main("Undo.disable")
        _state["undo_disabled"] += 1

    @classmethod
    def enable(cls, *args, **kwargs):
        _state["undo_disabled"] -= 1


class ProgressTask:
    def __init__(self, *args, **kwargs) -> None:
        if not GUI:
            _violate("a ProgressTask needs windows")
        self._name, self._messages, self._progress, self._cancelled = args[0], [], [], False
        _tasks.append(_Told(self))

    def isCancelled(self, *args, **kwargs):
        return self._cancelled

    def setMessage(self, *args, **kwargs):
        if not isinstance(args[0], str):
            _violate("setMessage takes text")
        self._messages.append(args[0])

    def setProgress(self, *args, **kwargs):
        if type(args[0]) is not int or not 0 <= args[0] <= 100:
            _violate(f"setProgress takes 0 to 100, not {args[0]!r}")
        self._progress.append(args[0])


class _Told:
    """What a task was told; it does not keep the task alive, for a task's end is its letting go."""

    def __init__(self, task: ProgressTask) -> None:
        import weakref

        self._task = weakref.ref(task)
        self.messages, self.progress = task._messages, task._progress

    @property
    def alive(self) -> bool:
        return self._task() is not None

    def cancel(self) -> None:
        task = self._task()
        if task is not None:
            task._cancelled = True


class MenuItem:
    def name(self) -> str:
        return self._name


class Menu(MenuItem):
    def __init__(self, *args, **kwargs) -> None:
        self._name, self._items, self._looks = args[0], {}, {}

    def addCommand(self, *args, **kwargs):
        compile(args[1], args[0], "exec")
        self._items[args[0]] = args[1]
        self._looks[args[0]] = kwargs

    def addMenu(self, *args, **kwargs):
        return self._items.setdefault(args[0], Menu(args[0]))

    def findItem(self, name):
        return self._items.get(name)


class ToolBar(Menu):
    pass


_toolbars: dict[str, ToolBar] = {}


def toolbar(name: str, create: bool = True):
    _only_main("toolbar")
    if not GUI:
        _violate("a toolbar needs windows")
    return _toolbars.setdefault(name, ToolBar(name))


def root():
    _only_main("root")
    return _root


def thisNode():
    _only_main("thisNode")
    return _this[-1][0]


def thisKnob():
    _only_main("thisKnob")
    return _this[-1][1]


def delete(n) -> None:
    _only_main("delete")
    n._parent._children.remove(n)
    n._gone = True


def toNode(s: str):
    _only_main("toNode")
    at = _root
    for part in s.split("."):
        at = at.node(part) if isinstance(at, Group) else None
    return at


def frame(f=None):
    _only_main("frame")
    if f is not None:
        _state["frame"] = int(f)
    return _state["frame"]


_views = ["main"]


def views() -> list:
    return list(_views)


def filename(node, i: int = 0):
    _only_main("filename")
    knob = node.knob("file")
    return tcl("subst", knob._value) or None if knob is not None else None


_tcl = tkinter.Tcl()
_tcl.createcommand("value", lambda name: _root.name() if name == "root.name" else "")


def tcl(cmd: str, *args: str) -> str:
    _only_main("tcl")
    return str(_tcl.call(cmd, *args))


def message(prompt: str) -> None:
    _only_main("message")
    if not GUI:
        _violate(f"a dialog needs windows: {prompt}")
    _messages.append(prompt)


def tprint(*args, sep: str = " ", end: str = "\n", file=None) -> None:
    _printed.append(sep.join(map(str, args)))


def execute(nameOrNode, start, end=None, incr=1, views=None, continueOnError=False) -> None:
    """Nuke's own render: it writes the picture that comes down to a Write by copying its source file."""
    _only_main("execute")
    if _state["executing"]:
        _violate("I'm already executing something else")
    _state["executing"] = True
    try:
        with _nukes_own():
            _execute(nameOrNode, start, end, incr, views)
    finally:
        _state["executing"] = False


def _execute(nameOrNode, start, end, incr, views) -> None:
    for call, kwargs in _callbacks.get("beforeRender", []):
        if kwargs.get("nodeClass") in (None, "*", nameOrNode.Class()):
            with _this_is(nameOrNode, None):
                call()
    for number in builtins.range(start, end + 1, incr):
        for view in views or _views:
            if _state["cancel"]:
                raise RuntimeError("Cancelled")
            if _state["fail"]:
                raise RuntimeError(_state["fail"])
            _render(nameOrNode, number, view)


def _render(writer: Node, number: int, view: str) -> None:
    if writer["disable"]._value:
        raise RuntimeError(f"{writer.fullName()} is disabled")
    source = _picture(writer.input(0), number, view)
    if not writer["create_directories"]._value:
        raise RuntimeError("the folder is not there")
    target = Path(_named(writer["file"]._value, number, view))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target.with_suffix(".tmp"))
    target.with_suffix(".tmp").replace(target)
    _executed.append((writer.fullName(), number, view))


def _picture(node, number: int, view: str) -> str:
    if node is None:
        raise RuntimeError("nothing is connected")
    if node.Class() == "Read":
        path = _named(node["file"]._value, number, view)
        if not Path(path).is_file():
            raise RuntimeError(f"{node.name()}: {path}: no such file")
        return path
    if node.Class() == "Input":
        return _picture(node.parent().input(int(node["number"]._value or 0)), number, view)
    if isinstance(node, Group):
        return _picture(next(child for child in node.nodes() if child.Class() == "Output").input(0), number, view)
    if node.Class() == "Switch" and node.name() == "Final":
        return _picture(node.input(1 if node.parent()["has_result"]._value else 0), number, view)
    return _picture(node.input(0), number, view)


def _named(pattern: str, number: int, view: str) -> str:
    path = pattern.replace("%V", view).replace("%v", view[:1])
    path = re.sub(r"#+", lambda match: f"%0{len(match[0])}d", path)
    return path % number if "%" in path else path


def executeInMainThread(call, args=(), kwargs=None) -> None:
    if threading.current_thread() is _main:
        _violate("executeInMainThread was called on the main thread, where Nuke hangs")
    with _lock:
        _queue.append((call, args, kwargs or {}))


def _pump(until, seconds: float = 60.0) -> None:
    """Be Nuke's main thread until something holds."""
    ends = time.monotonic() + seconds
    while True:
        with _lock:
            waiting = _queue[:]
            del _queue[:]
        for call, args, kwargs in waiting:
            try:
                with _holding(getattr(call, "__name__", "a call")):
                    call(*args, **kwargs)
            except Exception as error:
                _violations.append(f"{call} raised {error!r} in the main thread\n{traceback.format_exc()}")
        if until():
            return
        if time.monotonic() > ends:
            raise AssertionError(f"it did not come about within {seconds} s; printed: {_printed}, said: {_messages}")
        time.sleep(0.01)


def addBeforeRender(call, args=(), kwargs=None, nodeClass: str = "*") -> None:
    _only_main("addBeforeRender")
    _callbacks.setdefault("beforeRender", []).append((call, {"nodeClass": nodeClass}))


def pluginAddPath(args, addToSysPath: bool = True) -> None:
    _only_main("pluginAddPath")
    _plugin_path.insert(0, args)
    if addToSysPath:
        sys.path.insert(0, args)
    init = Path(args, "init.py")
    if init.is_file():
        exec(compile(init.read_text(encoding="utf-8"), str(init), "exec"), {"__file__": str(init), "__name__": "init"})


def createNode(typ: str, knobs: str = "", inpanel: bool = True):
    _only_main("createNode")
    for folder in _plugin_path:
        path = Path(folder, f"{typ}.gizmo")
        with _nukes_own():
            if path.is_file():
                return nodePaste(str(path))
    if typ not in _CLASSES:
        raise RuntimeError(f"{typ}: Unknown command")
    node = Group(typ) if typ == "Group" else Node(typ)
    _into(_context[-1], node, f"{typ}1")
    return node


def nodePaste(s: str):
    """As with Nuke's own, what comes is connected to what is selected, and is what is selected then."""
    _only_main("nodePaste")
    selected = _context[-1].selectedNodes()
    (*_, pasted) = _load(_parsed(Path(s).read_text(encoding="utf-8")), _context[-1])
    if len(selected) == 1:
        pasted.setInput(0, selected[0])
    for node in selected:
        node.setSelected(False)
    pasted.setSelected(True)
    return pasted


@functools.cache
def _parsed(text: str):
    return nukescript.read(text)


def scriptOpen(filename=None) -> None:
    _only_main("scriptOpen")
    if not Path(filename).is_file():
        raise RuntimeError(f"{filename}: no such file")
    _root._children.clear()
    _state["script"] = str(filename)
    _load(nukescript.read(Path(filename).read_text(encoding="utf-8")))
    _root._modified = False


def scriptReadFile(*args, **kwargs) -> None:
    _only_main("scriptReadFile")
    _load(nukescript.read(Path(args[0]).read_text(encoding="utf-8")))


def scriptSave(filename=None) -> bool:
    _only_main("scriptSave")
    path = filename or _state["script"]
    _state["script"] = path
    Path(path).write_text(nukescript.write(_script()), encoding="utf-8")
    _root._modified = False
    return True


def _into(group: Group, node: Node, name: str) -> None:
    taken = {child.name() for child in group._children}
    stem = name.rstrip("0123456789") or name
    number = 1
    while name in taken:
        name, number = f"{stem}{number}", number + 1
    node._knobs["name"]._value = name
    node._parent = group
    group._children.append(node)


def _load(script, group=None) -> list:
    made: dict[int, Node] = {}
    loaded = []
    top = isinstance(script, nukescript.Script)
    for written in script.nodes if top else script:
        node = _made(written)
        _into(_root if group is None else group, node, written.name or f"{written.kind}1")
        made[id(written)] = node
        node._inputs = [made.get(id(given)) if given is not None else None for given in written.inputs]
        if isinstance(node, Group):
            _load(written.children, node)
        loaded.append(node)
    for node in loaded if top else []:
        code = node._knobs["onCreate"]._value
        if code:
            with _this_is(node, None), _callback():
                exec(code, {"nuke": sys.modules[__name__]})
    return loaded


def _made(written) -> Node:
    if written.kind not in _CLASSES:
        raise RuntimeError(f"{written.kind}: Unknown command")
    node = Group("Group") if written.kind == "Group" else Node(written.kind)
    _set_up(node, written)
    return node


def _set_up(node, written) -> None:
    for user in written.user_knobs:
        kind = _KNOBS[user.kind]
        knob = kind(user.name, user.name, user.entries) if kind is Enumeration_Knob else kind(user.name)
        node._add(knob)
        if kind is PyScript_Knob:
            knob._value = user.options.get("T", "")
        knob._user = user
    for name, value in written.knobs.items():
        if name not in node._knobs:
            raise RuntimeError(f"{written.kind}: {name}: no such knob")
        node._knobs[name]._from_script(value)


def _copy(path: str, nodes: list) -> None:
    """The artist copies nodes: into a file, as the clipboard's."""
    Path(path).write_text(nukescript.write(_script(nodes)), encoding="utf-8")


def _script(nodes=None):
    script = nukescript.Script(version="14.0 v1")
    script.nodes = _written_nodes(_root._children if nodes is None else nodes)
    return script


def _written_nodes(nodes: list) -> list:
    found: dict[int, object] = {}
    for node in nodes:
        knobs = {
            name: knob._to_script()
            for name, knob in node._knobs.items()
            if (knob._value != knob._default or name == "name") and not isinstance(knob, PyScript_Knob)
        }
        users = [knob._user for knob in node._knobs.values() if hasattr(knob, "_user")]
        written = nukescript.Written(node._class, knobs, users)
        written.inputs = [found.get(id(given)) for given in node._inputs]
        if isinstance(node, Group):
            written.children = _written_nodes(node._children)
        found[id(node)] = written
    return list(found.values())


@contextlib.contextmanager
def _this_is(node, knob):
    _this.append((node, knob))
    try:
        yield
    finally:
        _this.pop()


@contextlib.contextmanager
def _callback():
    """Within, Nuke refuses to execute."""
    before, _state["executing"] = _state["executing"], True
    try:
        yield
    finally:
        _state["executing"] = before


def _press(node: Node, button: str) -> None:
    """The artist presses a button."""
    with _holding(button):
        node[button].execute()


def _open_panel(node: Node) -> None:
    node._knobs.setdefault("showPanel", Knob("showPanel"))
    node._knob_changed(node._knobs["showPanel"])
    del node._knobs["showPanel"]


_root = Root()
_context = [_root]
"""Groups that were begun, the innermost last: new nodes are made there."""
