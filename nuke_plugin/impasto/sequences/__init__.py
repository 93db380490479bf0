"""File patterns, frame ranges, and what stands at them: the same for client and server."""

from impasto.sequences.digests import Digests, FileDigest
from impasto.sequences.errors import SequenceError
from impasto.sequences.existing import JOB_ATTRIBUTE, Standing, read_figures, refuse_inputs, standing
from impasto.sequences.grades import DEFAULTS, FIGURES, GRADES, LESS_IS_WORSE, Threshold, grade
from impasto.sequences.patterns import SequencePattern
from impasto.sequences.ranges import format_frames, parse_frames
from impasto.sequences.timing import output_times, read_curve, whole_shot

__all__ = [
    "DEFAULTS",
    "FIGURES",
    "GRADES",
    "JOB_ATTRIBUTE",
    "LESS_IS_WORSE",
    "Digests",
    "FileDigest",
    "SequenceError",
    "SequencePattern",
    "Standing",
    "Threshold",
    "format_frames",
    "grade",
    "output_times",
    "parse_frames",
    "read_curve",
    "read_figures",
    "refuse_inputs",
    "standing",
    "whole_shot",
]
