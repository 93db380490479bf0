from impasto.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PixelFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PIXEL_FORMAT_UNSPECIFIED: _ClassVar[PixelFormat]
    PIXEL_FORMAT_RGBA_HALF: _ClassVar[PixelFormat]
    PIXEL_FORMAT_RGB_8: _ClassVar[PixelFormat]
    PIXEL_FORMAT_RGBA_8: _ClassVar[PixelFormat]

class LiveOverflow(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIVE_OVERFLOW_UNSPECIFIED: _ClassVar[LiveOverflow]
    LIVE_OVERFLOW_WAIT: _ClassVar[LiveOverflow]
    LIVE_OVERFLOW_DROP_OLDEST: _ClassVar[LiveOverflow]
PIXEL_FORMAT_UNSPECIFIED: PixelFormat
PIXEL_FORMAT_RGBA_HALF: PixelFormat
PIXEL_FORMAT_RGB_8: PixelFormat
PIXEL_FORMAT_RGBA_8: PixelFormat
LIVE_OVERFLOW_UNSPECIFIED: LiveOverflow
LIVE_OVERFLOW_WAIT: LiveOverflow
LIVE_OVERFLOW_DROP_OLDEST: LiveOverflow

class StylizeRequest(_message.Message):
    __slots__ = ("settings", "frame")
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    settings: LiveSettings
    frame: LivePart
    def __init__(self, settings: _Optional[_Union[LiveSettings, _Mapping]] = ..., frame: _Optional[_Union[LivePart, _Mapping]] = ...) -> None: ...

class LiveSettings(_message.Message):
    __slots__ = ("width", "height", "format", "style", "strength", "style_scale", "preserve_colour", "paint_every", "queue", "overflow", "device", "paint_width", "seed", "look")
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    STYLE_SCALE_FIELD_NUMBER: _ClassVar[int]
    PRESERVE_COLOUR_FIELD_NUMBER: _ClassVar[int]
    PAINT_EVERY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    OVERFLOW_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PAINT_WIDTH_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    LOOK_FIELD_NUMBER: _ClassVar[int]
    width: int
    height: int
    format: PixelFormat
    style: _job_pb2.Style
    strength: float
    style_scale: float
    preserve_colour: bool
    paint_every: int
    queue: int
    overflow: LiveOverflow
    device: str
    paint_width: int
    seed: int
    look: str
    def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., format: _Optional[_Union[PixelFormat, str]] = ..., style: _Optional[_Union[_job_pb2.Style, _Mapping]] = ..., strength: _Optional[float] = ..., style_scale: _Optional[float] = ..., preserve_colour: bool = ..., paint_every: _Optional[int] = ..., queue: _Optional[int] = ..., overflow: _Optional[_Union[LiveOverflow, str]] = ..., device: _Optional[str] = ..., paint_width: _Optional[int] = ..., seed: _Optional[int] = ..., look: _Optional[str] = ...) -> None: ...

class LivePart(_message.Message):
    __slots__ = ("number", "pixels", "more")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    PIXELS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    number: int
    pixels: bytes
    more: bool
    def __init__(self, number: _Optional[int] = ..., pixels: _Optional[bytes] = ..., more: bool = ...) -> None: ...

class StylizeResponse(_message.Message):
    __slots__ = ("started", "frame", "figures")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    started: LiveStarted
    frame: LivePart
    figures: LiveFigures
    def __init__(self, started: _Optional[_Union[LiveStarted, _Mapping]] = ..., frame: _Optional[_Union[LivePart, _Mapping]] = ..., figures: _Optional[_Union[LiveFigures, _Mapping]] = ...) -> None: ...

class LiveStarted(_message.Message):
    __slots__ = ("choices",)
    class ChoicesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.ScalarMap[str, str]
    def __init__(self, choices: _Optional[_Mapping[str, str]] = ...) -> None: ...

class LiveFigures(_message.Message):
    __slots__ = ("latency_seconds", "queued_seconds", "dropped", "carried", "bare", "paint_age", "warming")
    LATENCY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    QUEUED_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    CARRIED_FIELD_NUMBER: _ClassVar[int]
    BARE_FIELD_NUMBER: _ClassVar[int]
    PAINT_AGE_FIELD_NUMBER: _ClassVar[int]
    WARMING_FIELD_NUMBER: _ClassVar[int]
    latency_seconds: float
    queued_seconds: float
    dropped: int
    carried: float
    bare: float
    paint_age: int
    warming: bool
    def __init__(self, latency_seconds: _Optional[float] = ..., queued_seconds: _Optional[float] = ..., dropped: _Optional[int] = ..., carried: _Optional[float] = ..., bare: _Optional[float] = ..., paint_age: _Optional[int] = ..., warming: bool = ...) -> None: ...
