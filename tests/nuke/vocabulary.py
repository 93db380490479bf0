"""What a node may be made of: classes, knob types and flags seen in real gizmos and Foundry's reference pages.

Deliberately narrow: knob types 1, 2, 3, 4, 6, 7, 14, 20, 22, 26 and 41 are those common in the 354 public gizmos looked
at. A name that is missing here may well exist in Nuke; it must be looked up before it is added.
"""

KNOB_TYPES = frozenset({1, 2, 3, 4, 6, 7, 14, 20, 22, 26, 41})
FLAGS = frozenset({"+STARTLINE", "-STARTLINE", "+HIDDEN", "+INVISIBLE", "+DISABLED"})
OPTIONS = frozenset({"l", "t", "R", "M", "T", "n"})

EVERY_NODE = frozenset(
    {"name", "label", "xpos", "ypos", "inputs", "disable", "tile_color", "note_font_size", "selected"}
)
GROUP = frozenset({"help", "onCreate", "knobChanged", "autolabel"})

CLASSES = {
    "Root": {"first_frame", "last_frame", "format", "fps", "colorManagement"},
    "Input": {"number"},
    "Output": set(),
    "Dot": set(),
    "StickyNote": set(),
    "Blur": {"size", "channels"},
    "ChannelMerge": {"A", "operation", "B", "output"},
    "Copy": {"from0", "to0", "from1", "to1", "from2", "to2", "from3", "to3"},
    "Dilate": {"size", "channels"},
    "Expression": {"expr0", "expr1", "expr2", "expr3"},
    "FrameHold": {"first_frame"},
    "FrameRange": {"first_frame", "last_frame"},
    "Grade": {"white"},
    "IDistort": {"channels", "uv", "uv_scale"},
    "Invert": {"channels"},
    "Keymix": {"channels", "maskChannel", "invertMask", "bbox", "mix"},
    "Merge2": {"operation", "mix"},
    "Multiply": {"channels", "value"},
    "Premult": {"channels"},
    "Read": {"file", "first", "last", "on_error", "raw", "localizationPolicy", "origset"},
    "Reformat": {"type", "scale"},
    "STMap": {"channels", "uv"},
    "Switch": {"which"},
    "Unpremult": {"channels"},
    "VectorBlur2": {"uv", "scale", "uv_offset"},
    "Write": {
        "channels", "file", "raw", "file_type", "datatype", "compression", "metadata", "create_directories",
        "first_part", "interleave",
    },
}  # fmt: skip
