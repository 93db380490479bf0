import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from impasto.v1 import plate_pb2 as _plate_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class JobPriority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_PRIORITY_UNSPECIFIED: _ClassVar[JobPriority]
    JOB_PRIORITY_LOW: _ClassVar[JobPriority]
    JOB_PRIORITY_NORMAL: _ClassVar[JobPriority]
    JOB_PRIORITY_HIGH: _ClassVar[JobPriority]
    JOB_PRIORITY_INTERACTIVE: _ClassVar[JobPriority]

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    JOB_STATE_UNSPECIFIED: _ClassVar[JobState]
    JOB_STATE_WAITING: _ClassVar[JobState]
    JOB_STATE_QUEUED: _ClassVar[JobState]
    JOB_STATE_RUNNING: _ClassVar[JobState]
    JOB_STATE_SUCCEEDED: _ClassVar[JobState]
    JOB_STATE_FAILED: _ClassVar[JobState]
    JOB_STATE_CANCELLED: _ClassVar[JobState]
JOB_PRIORITY_UNSPECIFIED: JobPriority
JOB_PRIORITY_LOW: JobPriority
JOB_PRIORITY_NORMAL: JobPriority
JOB_PRIORITY_HIGH: JobPriority
JOB_PRIORITY_INTERACTIVE: JobPriority
JOB_STATE_UNSPECIFIED: JobState
JOB_STATE_WAITING: JobState
JOB_STATE_QUEUED: JobState
JOB_STATE_RUNNING: JobState
JOB_STATE_SUCCEEDED: JobState
JOB_STATE_FAILED: JobState
JOB_STATE_CANCELLED: JobState

class JobSpec(_message.Message):
    __slots__ = ("plate", "output", "compute", "colour", "mattes", "stylize", "motion", "interpolate", "keys", "stmap")
    PLATE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_FIELD_NUMBER: _ClassVar[int]
    COLOUR_FIELD_NUMBER: _ClassVar[int]
    MATTES_FIELD_NUMBER: _ClassVar[int]
    STYLIZE_FIELD_NUMBER: _ClassVar[int]
    MOTION_FIELD_NUMBER: _ClassVar[int]
    INTERPOLATE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    STMAP_FIELD_NUMBER: _ClassVar[int]
    plate: PlateSource
    output: Output
    compute: Compute
    colour: ColourSpaces
    mattes: MatteParameters
    stylize: StylizeSpec
    motion: MotionSpec
    interpolate: InterpolateSpec
    keys: KeysSpec
    stmap: StmapSpec
    def __init__(self, plate: _Optional[_Union[PlateSource, _Mapping]] = ..., output: _Optional[_Union[Output, _Mapping]] = ..., compute: _Optional[_Union[Compute, _Mapping]] = ..., colour: _Optional[_Union[ColourSpaces, _Mapping]] = ..., mattes: _Optional[_Union[MatteParameters, _Mapping]] = ..., stylize: _Optional[_Union[StylizeSpec, _Mapping]] = ..., motion: _Optional[_Union[MotionSpec, _Mapping]] = ..., interpolate: _Optional[_Union[InterpolateSpec, _Mapping]] = ..., keys: _Optional[_Union[KeysSpec, _Mapping]] = ..., stmap: _Optional[_Union[StmapSpec, _Mapping]] = ...) -> None: ...

class PlateSource(_message.Message):
    __slots__ = ("pattern", "shot", "frames", "views", "files", "video", "cuts", "given_cuts", "vetoed_cuts", "depth", "depth_near")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    SHOT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    VIDEO_FIELD_NUMBER: _ClassVar[int]
    CUTS_FIELD_NUMBER: _ClassVar[int]
    GIVEN_CUTS_FIELD_NUMBER: _ClassVar[int]
    VETOED_CUTS_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    DEPTH_NEAR_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    shot: str
    frames: str
    views: _containers.RepeatedScalarFieldContainer[str]
    files: _containers.RepeatedCompositeFieldContainer[_plate_pb2.FrameFile]
    video: _plate_pb2.FileRef
    cuts: str
    given_cuts: _containers.RepeatedCompositeFieldContainer[Cut]
    vetoed_cuts: _containers.RepeatedScalarFieldContainer[int]
    depth: str
    depth_near: str
    def __init__(self, pattern: _Optional[str] = ..., shot: _Optional[str] = ..., frames: _Optional[str] = ..., views: _Optional[_Iterable[str]] = ..., files: _Optional[_Iterable[_Union[_plate_pb2.FrameFile, _Mapping]]] = ..., video: _Optional[_Union[_plate_pb2.FileRef, _Mapping]] = ..., cuts: _Optional[str] = ..., given_cuts: _Optional[_Iterable[_Union[Cut, _Mapping]]] = ..., vetoed_cuts: _Optional[_Iterable[int]] = ..., depth: _Optional[str] = ..., depth_near: _Optional[str] = ...) -> None: ...

class Cut(_message.Message):
    __slots__ = ("frame", "until", "found_by")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    FOUND_BY_FIELD_NUMBER: _ClassVar[int]
    frame: int
    until: int
    found_by: str
    def __init__(self, frame: _Optional[int] = ..., until: _Optional[int] = ..., found_by: _Optional[str] = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("pattern", "passes", "overwrite", "compression", "layer_prefix", "replace_layers", "sheet", "preview", "quality", "review_frames")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    PASSES_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    LAYER_PREFIX_FIELD_NUMBER: _ClassVar[int]
    REPLACE_LAYERS_FIELD_NUMBER: _ClassVar[int]
    SHEET_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FRAMES_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    passes: _containers.RepeatedScalarFieldContainer[str]
    overwrite: bool
    compression: str
    layer_prefix: str
    replace_layers: bool
    sheet: str
    preview: str
    quality: Quality
    review_frames: str
    def __init__(self, pattern: _Optional[str] = ..., passes: _Optional[_Iterable[str]] = ..., overwrite: bool = ..., compression: _Optional[str] = ..., layer_prefix: _Optional[str] = ..., replace_layers: bool = ..., sheet: _Optional[str] = ..., preview: _Optional[str] = ..., quality: _Optional[_Union[Quality, _Mapping]] = ..., review_frames: _Optional[str] = ...) -> None: ...

class Quality(_message.Message):
    __slots__ = ("measure", "thresholds", "fail_on")
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    FAIL_ON_FIELD_NUMBER: _ClassVar[int]
    measure: str
    thresholds: _containers.RepeatedCompositeFieldContainer[Threshold]
    fail_on: str
    def __init__(self, measure: _Optional[str] = ..., thresholds: _Optional[_Iterable[_Union[Threshold, _Mapping]]] = ..., fail_on: _Optional[str] = ...) -> None: ...

class Threshold(_message.Message):
    __slots__ = ("figure", "yellow", "red", "below")
    FIGURE_FIELD_NUMBER: _ClassVar[int]
    YELLOW_FIELD_NUMBER: _ClassVar[int]
    RED_FIELD_NUMBER: _ClassVar[int]
    BELOW_FIELD_NUMBER: _ClassVar[int]
    figure: str
    yellow: float
    red: float
    below: bool
    def __init__(self, figure: _Optional[str] = ..., yellow: _Optional[float] = ..., red: _Optional[float] = ..., below: bool = ...) -> None: ...

class Compute(_message.Message):
    __slots__ = ("device", "threads", "precision", "memory_bytes")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    device: str
    threads: int
    precision: str
    memory_bytes: int
    def __init__(self, device: _Optional[str] = ..., threads: _Optional[int] = ..., precision: _Optional[str] = ..., memory_bytes: _Optional[int] = ...) -> None: ...

class ColourSpaces(_message.Message):
    __slots__ = ("plate", "key", "style", "out")
    PLATE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    OUT_FIELD_NUMBER: _ClassVar[int]
    plate: str
    key: str
    style: str
    out: str
    def __init__(self, plate: _Optional[str] = ..., key: _Optional[str] = ..., style: _Optional[str] = ..., out: _Optional[str] = ...) -> None: ...

class MatteParameters(_message.Message):
    __slots__ = ("soft", "erode", "blur", "gain")
    SOFT_FIELD_NUMBER: _ClassVar[int]
    ERODE_FIELD_NUMBER: _ClassVar[int]
    BLUR_FIELD_NUMBER: _ClassVar[int]
    GAIN_FIELD_NUMBER: _ClassVar[int]
    soft: float
    erode: float
    blur: float
    gain: float
    def __init__(self, soft: _Optional[float] = ..., erode: _Optional[float] = ..., blur: _Optional[float] = ..., gain: _Optional[float] = ...) -> None: ...

class StylizeSpec(_message.Message):
    __slots__ = ("styles", "keys", "motion", "strength", "style_scale", "preserve_colour", "relight", "seed", "scale_keys", "fill", "fill_minutes", "every", "look", "look_parameters", "mask", "consistency", "masks_guide", "statistics", "preserve_luminance", "compile")
    class LookParametersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    STYLES_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    MOTION_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    STYLE_SCALE_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_COLOUR_FIELD_NUMBER: _ClassVar[int]
    RELIGHT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SCALE_KEYS_FIELD_NUMBER: _ClassVar[int]
    FILL_FIELD_NUMBER: _ClassVar[int]
    FILL_MINUTES_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    LOOK_FIELD_NUMBER: _ClassVar[int]
    LOOK_PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    CONSISTENCY_FIELD_NUMBER: _ClassVar[int]
    MASKS_GUIDE_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_LUMINANCE_FIELD_NUMBER: _ClassVar[int]
    COMPILE_FIELD_NUMBER: _ClassVar[int]
    styles: _containers.RepeatedCompositeFieldContainer[Style]
    keys: _containers.RepeatedCompositeFieldContainer[Key]
    motion: MotionSource
    strength: float
    style_scale: float
    preserve_colour: bool
    relight: float
    seed: int
    scale_keys: bool
    fill: str
    fill_minutes: float
    every: int
    look: str
    look_parameters: _containers.ScalarMap[str, float]
    mask: Mask
    consistency: float
    masks_guide: bool
    statistics: str
    preserve_luminance: bool
    compile: bool
    def __init__(self, styles: _Optional[_Iterable[_Union[Style, _Mapping]]] = ..., keys: _Optional[_Iterable[_Union[Key, _Mapping]]] = ..., motion: _Optional[_Union[MotionSource, _Mapping]] = ..., strength: _Optional[float] = ..., style_scale: _Optional[float] = ..., preserve_colour: bool = ..., relight: _Optional[float] = ..., seed: _Optional[int] = ..., scale_keys: bool = ..., fill: _Optional[str] = ..., fill_minutes: _Optional[float] = ..., every: _Optional[int] = ..., look: _Optional[str] = ..., look_parameters: _Optional[_Mapping[str, float]] = ..., mask: _Optional[_Union[Mask, _Mapping]] = ..., consistency: _Optional[float] = ..., masks_guide: bool = ..., statistics: _Optional[str] = ..., preserve_luminance: bool = ..., compile: bool = ...) -> None: ...

class Style(_message.Message):
    __slots__ = ("name", "file", "weight", "mask", "frames", "fade")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    FADE_FIELD_NUMBER: _ClassVar[int]
    name: str
    file: _plate_pb2.FileRef
    weight: float
    mask: Mask
    frames: str
    fade: int
    def __init__(self, name: _Optional[str] = ..., file: _Optional[_Union[_plate_pb2.FileRef, _Mapping]] = ..., weight: _Optional[float] = ..., mask: _Optional[_Union[Mask, _Mapping]] = ..., frames: _Optional[str] = ..., fade: _Optional[int] = ...) -> None: ...

class Mask(_message.Message):
    __slots__ = ("layer", "files")
    LAYER_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    layer: str
    files: MaskFiles
    def __init__(self, layer: _Optional[str] = ..., files: _Optional[_Union[MaskFiles, _Mapping]] = ...) -> None: ...

class MaskFiles(_message.Message):
    __slots__ = ("pattern", "files")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    files: _containers.RepeatedCompositeFieldContainer[_plate_pb2.FrameFile]
    def __init__(self, pattern: _Optional[str] = ..., files: _Optional[_Iterable[_Union[_plate_pb2.FrameFile, _Mapping]]] = ...) -> None: ...

class Key(_message.Message):
    __slots__ = ("frame", "file", "weight", "hold", "mask")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    HOLD_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    frame: int
    file: _plate_pb2.FileRef
    weight: float
    hold: str
    mask: Mask
    def __init__(self, frame: _Optional[int] = ..., file: _Optional[_Union[_plate_pb2.FileRef, _Mapping]] = ..., weight: _Optional[float] = ..., hold: _Optional[str] = ..., mask: _Optional[_Union[Mask, _Mapping]] = ...) -> None: ...

class MotionSpec(_message.Message):
    __slots__ = ("motion",)
    MOTION_FIELD_NUMBER: _ClassVar[int]
    motion: MotionSource
    def __init__(self, motion: _Optional[_Union[MotionSource, _Mapping]] = ...) -> None: ...

class KeysSpec(_message.Message):
    __slots__ = ("motion", "share", "most", "painted")
    MOTION_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    PAINTED_FIELD_NUMBER: _ClassVar[int]
    motion: MotionSource
    share: float
    most: int
    painted: str
    def __init__(self, motion: _Optional[_Union[MotionSource, _Mapping]] = ..., share: _Optional[float] = ..., most: _Optional[int] = ..., painted: _Optional[str] = ...) -> None: ...

class StmapSpec(_message.Message):
    __slots__ = ("motion", "key")
    MOTION_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    motion: MotionSource
    key: int
    def __init__(self, motion: _Optional[_Union[MotionSource, _Mapping]] = ..., key: _Optional[int] = ...) -> None: ...

class InterpolateSpec(_message.Message):
    __slots__ = ("motion", "model", "speed", "factor", "curve", "at", "out_first", "cuts", "repair", "paint")
    MOTION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    OUT_FIRST_FIELD_NUMBER: _ClassVar[int]
    CUTS_FIELD_NUMBER: _ClassVar[int]
    REPAIR_FIELD_NUMBER: _ClassVar[int]
    PAINT_FIELD_NUMBER: _ClassVar[int]
    motion: MotionSource
    model: str
    speed: float
    factor: int
    curve: TimingCurve
    at: TimeList
    out_first: int
    cuts: str
    repair: bool
    paint: MotionFiles
    def __init__(self, motion: _Optional[_Union[MotionSource, _Mapping]] = ..., model: _Optional[str] = ..., speed: _Optional[float] = ..., factor: _Optional[int] = ..., curve: _Optional[_Union[TimingCurve, _Mapping]] = ..., at: _Optional[_Union[TimeList, _Mapping]] = ..., out_first: _Optional[int] = ..., cuts: _Optional[str] = ..., repair: bool = ..., paint: _Optional[_Union[MotionFiles, _Mapping]] = ...) -> None: ...

class TimingCurve(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[TimingRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[TimingRow, _Mapping]]] = ...) -> None: ...

class TimingRow(_message.Message):
    __slots__ = ("output_frame", "input_frame")
    OUTPUT_FRAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_FRAME_FIELD_NUMBER: _ClassVar[int]
    output_frame: float
    input_frame: float
    def __init__(self, output_frame: _Optional[float] = ..., input_frame: _Optional[float] = ...) -> None: ...

class TimeList(_message.Message):
    __slots__ = ("times",)
    TIMES_FIELD_NUMBER: _ClassVar[int]
    times: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, times: _Optional[_Iterable[float]] = ...) -> None: ...

class MotionSource(_message.Message):
    __slots__ = ("model", "plate", "files")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PLATE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    model: str
    plate: bool
    files: MotionFiles
    def __init__(self, model: _Optional[str] = ..., plate: bool = ..., files: _Optional[_Union[MotionFiles, _Mapping]] = ...) -> None: ...

class MotionFiles(_message.Message):
    __slots__ = ("pattern", "files")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    files: _containers.RepeatedCompositeFieldContainer[_plate_pb2.FrameFile]
    def __init__(self, pattern: _Optional[str] = ..., files: _Optional[_Iterable[_Union[_plate_pb2.FrameFile, _Mapping]]] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("name", "state", "spec", "plan", "create_time", "start_time", "end_time", "frames_done", "frames_failed", "frames_total", "error", "user", "priority", "expire_time", "ahead")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    FRAMES_DONE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FAILED_FIELD_NUMBER: _ClassVar[int]
    FRAMES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    AHEAD_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: JobState
    spec: JobSpec
    plan: Plan
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    frames_done: int
    frames_failed: int
    frames_total: int
    error: JobError
    user: str
    priority: JobPriority
    expire_time: _timestamp_pb2.Timestamp
    ahead: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., plan: _Optional[_Union[Plan, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., frames_done: _Optional[int] = ..., frames_failed: _Optional[int] = ..., frames_total: _Optional[int] = ..., error: _Optional[_Union[JobError, _Mapping]] = ..., user: _Optional[str] = ..., priority: _Optional[_Union[JobPriority, str]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ahead: _Optional[int] = ...) -> None: ...

class JobError(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Plan(_message.Message):
    __slots__ = ("digest", "shot", "frames", "views", "choices", "seconds", "memory_bytes", "disk_bytes", "missing", "warnings", "heads", "head_bytes")
    class ChoicesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SHOT_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    VIEWS_FIELD_NUMBER: _ClassVar[int]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    DISK_BYTES_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    HEAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    digest: str
    shot: str
    frames: str
    views: _containers.RepeatedScalarFieldContainer[str]
    choices: _containers.ScalarMap[str, str]
    seconds: float
    memory_bytes: int
    disk_bytes: int
    missing: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    heads: _containers.RepeatedScalarFieldContainer[str]
    head_bytes: int
    def __init__(self, digest: _Optional[str] = ..., shot: _Optional[str] = ..., frames: _Optional[str] = ..., views: _Optional[_Iterable[str]] = ..., choices: _Optional[_Mapping[str, str]] = ..., seconds: _Optional[float] = ..., memory_bytes: _Optional[int] = ..., disk_bytes: _Optional[int] = ..., missing: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ..., heads: _Optional[_Iterable[str]] = ..., head_bytes: _Optional[int] = ...) -> None: ...

class CreateJobRequest(_message.Message):
    __slots__ = ("spec", "request_id", "validate_only", "priority")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    spec: JobSpec
    request_id: str
    validate_only: bool
    priority: JobPriority
    def __init__(self, spec: _Optional[_Union[JobSpec, _Mapping]] = ..., request_id: _Optional[str] = ..., validate_only: bool = ..., priority: _Optional[_Union[JobPriority, str]] = ...) -> None: ...

class CreateJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "states", "user", "created_after", "created_before")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    CREATED_AFTER_FIELD_NUMBER: _ClassVar[int]
    CREATED_BEFORE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    states: _containers.RepeatedScalarFieldContainer[JobState]
    user: str
    created_after: _timestamp_pb2.Timestamp
    created_before: _timestamp_pb2.Timestamp
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., states: _Optional[_Iterable[_Union[JobState, str]]] = ..., user: _Optional[str] = ..., created_after: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., created_before: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[Job]
    next_page_token: str
    def __init__(self, jobs: _Optional[_Iterable[_Union[Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchJobRequest(_message.Message):
    __slots__ = ("name", "after")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    name: str
    after: int
    def __init__(self, name: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class WatchJobResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: JobEvent
    def __init__(self, event: _Optional[_Union[JobEvent, _Mapping]] = ...) -> None: ...

class CancelJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CancelJobResponse(_message.Message):
    __slots__ = ("job",)
    JOB_FIELD_NUMBER: _ClassVar[int]
    job: Job
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class JobEvent(_message.Message):
    __slots__ = ("number", "time", "state", "progress", "frame_done", "frame_failed", "warning", "replanned", "result", "shots_found")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FRAME_DONE_FIELD_NUMBER: _ClassVar[int]
    FRAME_FAILED_FIELD_NUMBER: _ClassVar[int]
    WARNING_FIELD_NUMBER: _ClassVar[int]
    REPLANNED_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    SHOTS_FOUND_FIELD_NUMBER: _ClassVar[int]
    number: int
    time: _timestamp_pb2.Timestamp
    state: StateChanged
    progress: Progress
    frame_done: FrameDone
    frame_failed: FrameFailed
    warning: Warning
    replanned: Replanned
    result: Result
    shots_found: ShotsFound
    def __init__(self, number: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[_Union[StateChanged, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., frame_done: _Optional[_Union[FrameDone, _Mapping]] = ..., frame_failed: _Optional[_Union[FrameFailed, _Mapping]] = ..., warning: _Optional[_Union[Warning, _Mapping]] = ..., replanned: _Optional[_Union[Replanned, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ..., shots_found: _Optional[_Union[ShotsFound, _Mapping]] = ...) -> None: ...

class StateChanged(_message.Message):
    __slots__ = ("state", "error")
    STATE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    state: JobState
    error: JobError
    def __init__(self, state: _Optional[_Union[JobState, str]] = ..., error: _Optional[_Union[JobError, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("stage", "frame", "view", "fraction")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    stage: str
    frame: int
    view: str
    fraction: float
    def __init__(self, stage: _Optional[str] = ..., frame: _Optional[int] = ..., view: _Optional[str] = ..., fraction: _Optional[float] = ...) -> None: ...

class FrameDone(_message.Message):
    __slots__ = ("frame", "view", "file", "figures", "grade", "reasons")
    class FiguresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    FRAME_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    GRADE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    frame: int
    view: str
    file: _plate_pb2.FileRef
    figures: _containers.ScalarMap[str, float]
    grade: str
    reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, frame: _Optional[int] = ..., view: _Optional[str] = ..., file: _Optional[_Union[_plate_pb2.FileRef, _Mapping]] = ..., figures: _Optional[_Mapping[str, float]] = ..., grade: _Optional[str] = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...

class FrameFailed(_message.Message):
    __slots__ = ("frame", "view", "error")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    frame: int
    view: str
    error: JobError
    def __init__(self, frame: _Optional[int] = ..., view: _Optional[str] = ..., error: _Optional[_Union[JobError, _Mapping]] = ...) -> None: ...

class Replanned(_message.Message):
    __slots__ = ("memory_before", "memory_bytes", "digest", "message")
    MEMORY_BEFORE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    memory_before: int
    memory_bytes: int
    digest: str
    message: str
    def __init__(self, memory_before: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., digest: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Warning(_message.Message):
    __slots__ = ("message",)
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    message: str
    def __init__(self, message: _Optional[str] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("file", "keys")
    FILE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    file: FileMade
    keys: KeysPicked
    def __init__(self, file: _Optional[_Union[FileMade, _Mapping]] = ..., keys: _Optional[_Union[KeysPicked, _Mapping]] = ...) -> None: ...

class FileMade(_message.Message):
    __slots__ = ("what", "file")
    WHAT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    what: str
    file: _plate_pb2.FileRef
    def __init__(self, what: _Optional[str] = ..., file: _Optional[_Union[_plate_pb2.FileRef, _Mapping]] = ...) -> None: ...

class KeysPicked(_message.Message):
    __slots__ = ("keys", "share", "wanted")
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.RepeatedCompositeFieldContainer[PickedKey]
    share: float
    wanted: float
    def __init__(self, keys: _Optional[_Iterable[_Union[PickedKey, _Mapping]]] = ..., share: _Optional[float] = ..., wanted: _Optional[float] = ...) -> None: ...

class PickedKey(_message.Message):
    __slots__ = ("frame", "alone", "together", "painted")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    ALONE_FIELD_NUMBER: _ClassVar[int]
    TOGETHER_FIELD_NUMBER: _ClassVar[int]
    PAINTED_FIELD_NUMBER: _ClassVar[int]
    frame: int
    alone: float
    together: float
    painted: bool
    def __init__(self, frame: _Optional[int] = ..., alone: _Optional[float] = ..., together: _Optional[float] = ..., painted: bool = ...) -> None: ...

class ShotsFound(_message.Message):
    __slots__ = ("cuts", "shots")
    CUTS_FIELD_NUMBER: _ClassVar[int]
    SHOTS_FIELD_NUMBER: _ClassVar[int]
    cuts: _containers.RepeatedCompositeFieldContainer[Cut]
    shots: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, cuts: _Optional[_Iterable[_Union[Cut, _Mapping]]] = ..., shots: _Optional[_Iterable[str]] = ...) -> None: ...
