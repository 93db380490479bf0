"""Names of the `nuke` module that were seen in Nuke 15.0v1 as well as in the stubs of 13.2.

Seen in the listing of Nuke 15.0v1's own module that sisoe24/nuke-python-stubs holds on GitHub (version of the file:
618469d). It is on no package index and does not parse as it is, so it is no dependency: names were looked up by hand,
types are checked against 13.2 alone. A name the nodes begin to use must be looked up and added here.
"""

SEEN_IN_15_0 = frozenset(
    {
        "Array_Knob", "Double_Knob", "EXPRESSIONS", "Enumeration_Knob", "GUI", "Group", "HIDDEN_INPUTS", "INPUTS",
        "INVISIBLE", "Knob", "Node", "ProgressTask", "Script_Knob", "String_Knob", "TO_SCRIPT", "Undo",
        "WRITE_NON_DEFAULT_ONLY", "WRITE_USER_KNOB_DEFS", "addBeforeRender", "createNode", "delete", "execute",
        "executeInMainThread", "filename", "frame", "message", "pluginAddPath", "root", "scriptReadFile",
        "scriptSave", "tcl", "thisKnob", "thisNode", "toNode", "toolbar", "tprint", "views",
    }
)  # fmt: skip
SIGNATURES_IN_15_0 = {
    "addBeforeRender": ("call", "args", "kwargs", "nodeClass"),
    "createNode": ("node", "args", "inpanel"),  # in 13.2 typ, knobs, inpanel
    "delete": ("n",),
    "execute": ("nameOrNode", "start", "end", "incr", "views", "continueOnError"),
    "executeInMainThread": ("call", "args", "kwargs"),
    "filename": ("node", "i"),
    "frame": ("f",),
    "message": ("prompt",),
    "pluginAddPath": ("args", "addToSysPath"),
    "root": (),
    "scriptReadFile": ("*args", "**kwargs"),
    "scriptSave": ("filename",),
    "tcl": ("s", "*args"),
    "thisKnob": (),
    "thisNode": (),
    "toNode": ("s",),
    "toolbar": ("name", "create"),
    "tprint": ("value", "sep", "end", "file"),
    "views": (),
}
"""Parameters of the functions we call, as that listing tells them."""
GUARDED = frozenset({"scriptOpen"})
"""Not in that listing, though Nuke 15 is known to have them: used only where they are there."""
