from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelInfo(_message.Message):
    __slots__ = ("id", "family", "summary", "ready", "licence", "parameters", "weights", "default_choice", "paints_after_pictures")
    ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_CHOICE_FIELD_NUMBER: _ClassVar[int]
    PAINTS_AFTER_PICTURES_FIELD_NUMBER: _ClassVar[int]
    id: str
    family: str
    summary: str
    ready: bool
    licence: str
    parameters: _containers.RepeatedCompositeFieldContainer[ModelParameter]
    weights: _containers.RepeatedCompositeFieldContainer[WeightsInfo]
    default_choice: bool
    paints_after_pictures: bool
    def __init__(self, id: _Optional[str] = ..., family: _Optional[str] = ..., summary: _Optional[str] = ..., ready: bool = ..., licence: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[ModelParameter, _Mapping]]] = ..., weights: _Optional[_Iterable[_Union[WeightsInfo, _Mapping]]] = ..., default_choice: bool = ..., paints_after_pictures: bool = ...) -> None: ...

class WeightsInfo(_message.Message):
    __slots__ = ("file", "sha256", "size", "licence", "source", "trained_on", "metrics", "ready", "beside")
    FILE_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TRAINED_ON_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    BESIDE_FIELD_NUMBER: _ClassVar[int]
    file: str
    sha256: str
    size: int
    licence: str
    source: str
    trained_on: str
    metrics: str
    ready: bool
    beside: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, file: _Optional[str] = ..., sha256: _Optional[str] = ..., size: _Optional[int] = ..., licence: _Optional[str] = ..., source: _Optional[str] = ..., trained_on: _Optional[str] = ..., metrics: _Optional[str] = ..., ready: bool = ..., beside: _Optional[_Iterable[str]] = ...) -> None: ...

class ModelParameter(_message.Message):
    __slots__ = ("name", "help", "default_value", "minimum", "maximum")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    name: str
    help: str
    default_value: float
    minimum: float
    maximum: float
    def __init__(self, name: _Optional[str] = ..., help: _Optional[str] = ..., default_value: _Optional[float] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("family",)
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    family: str
    def __init__(self, family: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[ModelInfo]
    def __init__(self, models: _Optional[_Iterable[_Union[ModelInfo, _Mapping]]] = ...) -> None: ...

class StyleInfo(_message.Message):
    __slots__ = ("name", "summary")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    name: str
    summary: str
    def __init__(self, name: _Optional[str] = ..., summary: _Optional[str] = ...) -> None: ...

class ListStylesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListStylesResponse(_message.Message):
    __slots__ = ("styles",)
    STYLES_FIELD_NUMBER: _ClassVar[int]
    styles: _containers.RepeatedCompositeFieldContainer[StyleInfo]
    def __init__(self, styles: _Optional[_Iterable[_Union[StyleInfo, _Mapping]]] = ...) -> None: ...
