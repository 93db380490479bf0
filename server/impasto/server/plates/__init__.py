"""EXR in and out, colour and shaper, without torch: a picture file becomes a Plate and back, losing nothing."""

from impasto.server.plates.apart import Apart
from impasto.server.plates.colour import ColourSpace
from impasto.server.plates.contact_sheet import contact_sheet, flow_colours
from impasto.server.plates.exr import use_threads, write
from impasto.server.plates.header import Header
from impasto.server.plates.limits import Limits
from impasto.server.plates.mask import mask, mask_channel
from impasto.server.plates.package import OutputOptions, Painting, assemble
from impasto.server.plates.plate import Plate, Window, moved
from impasto.server.plates.preview import preview
from impasto.server.plates.raster import depth_layer, motion_layers, picture, unknown
from impasto.server.plates.reader import FileReader, Reader, decoding_apart, open_video, read, read_head, read_header
from impasto.server.plates.shaper import Shaper
from impasto.server.plates.video import VideoReader

__all__ = [
    "Apart",
    "ColourSpace",
    "FileReader",
    "Header",
    "Limits",
    "OutputOptions",
    "Painting",
    "Plate",
    "Reader",
    "Shaper",
    "VideoReader",
    "Window",
    "assemble",
    "contact_sheet",
    "decoding_apart",
    "depth_layer",
    "flow_colours",
    "mask",
    "mask_channel",
    "motion_layers",
    "moved",
    "open_video",
    "picture",
    "preview",
    "read",
    "read_head",
    "read_header",
    "unknown",
    "use_threads",
    "write",
]
