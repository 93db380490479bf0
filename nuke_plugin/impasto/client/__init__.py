"""The Python API over gRPC: no Nuke, no torch.

with Client.connect("127.0.0.1:50740") as impasto:
    for event in impasto.stylize("shot.####.exr", frames="1001-1100", keys={1040: "painted.png"},
                                 out="out/shot.####.exr"):
        print(event)
"""

from impasto.client.client import Client
from impasto.client.connection import Tls
from impasto.client.errors import (
    BadRequestError,
    BelowQuality,
    FramesFailed,
    ImpastoError,
    JobCancelled,
    JobFailed,
    ServerUnreachable,
)
from impasto.client.events import (
    Event,
    FileMade,
    FilesSent,
    FrameDone,
    FrameFailed,
    FrameSkipped,
    JobPlanned,
    KeysPicked,
    PickedKey,
    Planning,
    Progress,
    Replanned,
    ShotsFound,
    StateChanged,
    Warned,
)
from impasto.client.live import LiveFrame, LiveStream
from impasto.client.options import Look, Mattes, Options, Painting, Styling
from impasto.client.planned import PlannedJob
from impasto.client.render import Render, Result
from impasto.client.server import PRIORITIES
from impasto.client.specs import (
    flow_spec,
    interpolate_spec,
    keys_spec,
    stmap_spec,
    stylize_spec,
)

__all__ = [
    "PRIORITIES",
    "BadRequestError",
    "BelowQuality",
    "Client",
    "Event",
    "FileMade",
    "FilesSent",
    "FrameDone",
    "FrameFailed",
    "FrameSkipped",
    "FramesFailed",
    "ImpastoError",
    "JobCancelled",
    "JobFailed",
    "JobPlanned",
    "KeysPicked",
    "LiveFrame",
    "LiveStream",
    "Look",
    "Mattes",
    "Options",
    "Painting",
    "PickedKey",
    "PlannedJob",
    "Planning",
    "Progress",
    "Render",
    "Replanned",
    "Result",
    "ServerUnreachable",
    "ShotsFound",
    "StateChanged",
    "Styling",
    "Tls",
    "Warned",
    "flow_spec",
    "interpolate_spec",
    "keys_spec",
    "stmap_spec",
    "stylize_spec",
]
