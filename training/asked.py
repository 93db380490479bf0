"""What a trainer is asked for: a frozen dataclass filled from the command line, an option for every field."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)

_KINDS = {"Path": Path, "float": float, "int": int, "str": str}


def asked(kind: type[T], about: str | None, arguments: Sequence[str] | None = None) -> T:
    """Read the command line.

    Args:
        kind: a dataclass of `Path`, `float`, `int`, `str` and `bool`; fields without a default are required, a bool is
            a flag.
        about: the trainer's docstring, shown as it stands by `--help`.
        arguments: in place of the process's own.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(kind):
        name = f"--{field.name.replace('_', '-')}"
        if field.type == "bool":
            parser.add_argument(name, action="store_true")
        elif field.default is MISSING:
            parser.add_argument(name, type=_KINDS[str(field.type)], required=True)
        else:
            parser.add_argument(name, type=_KINDS[str(field.type)], default=field.default)
    return kind(**vars(parser.parse_args(arguments)))
