"""Arrays kept on disk while nobody looks at them, so that a run over many shots and looks needs the memory of one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, MutableMapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Spilled(MutableMapping[Any, NDArray[Any]]):
    """Arrays by key, in order of their coming, in a temporary folder that goes with the object.

    What is put in is copied, bit by bit; what is taken out is read anew every time, and the taker's own.
    """

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="impasto-benchmark-")
        self._files: dict[Hashable, Path] = {}
        self._made = 0

    def __setitem__(self, key: Hashable, array: NDArray[Any]) -> None:
        self._made += 1
        file = Path(self._folder.name) / f"{self._made}.npy"
        np.save(file, array)
        self._files[key] = file.replace(self._files.get(key, file))

    def __getitem__(self, key: Hashable) -> NDArray[Any]:
        found: NDArray[Any] = np.load(self._files[key])
        return found

    def __delitem__(self, key: Hashable) -> None:
        self._files.pop(key).unlink()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, key: object) -> bool:
        return key in self._files

    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self._files.values())
