"""File patterns and frame ranges, the same for client and server."""

from impasto.sequences.digests import Digests, FileDigest
from impasto.sequences.errors import SequenceError
from impasto.sequences.existing import JOB_ATTRIBUTE, Standing, refuse_inputs, standing
from impasto.sequences.patterns import SequencePattern
from impasto.sequences.ranges import format_frames, parse_frames
from impasto.sequences.timing import output_times, read_curve, whole_shot

__all__ = [
    "JOB_ATTRIBUTE",
    "Digests",
    "FileDigest",
    "SequenceError",
    "SequencePattern",
    "Standing",
    "format_frames",
    "output_times",
    "parse_frames",
    "read_curve",
    "refuse_inputs",
    "standing",
    "whole_shot",
]
