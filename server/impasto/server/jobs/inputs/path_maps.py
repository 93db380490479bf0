"""What folders on shared storage are called elsewhere, and here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from impasto.server.errors import BadRequest

_DRIVE = re.compile(r"[A-Za-z]:")


class PathMaps:
    """Turns the paths of clients into those of this machine.

    Args:
        maps: each `THERE=HERE`, such as `P:/show=/mnt/show`; the longest that fits is taken. Windows folders fit in any
            case and with either slash.

    Raises:
        BadRequest: one is not understood (`CONFIG_INVALID`).
    """

    def __init__(self, maps: Iterable[str] = ()) -> None:
        self._maps: list[tuple[str, str]] = []
        for text in maps:
            there, sign, here = text.partition("=")
            there, here = there.strip().rstrip("/\\"), here.strip().rstrip("/\\")
            if not sign or not there or not here:
                raise BadRequest(
                    f"The path map '{text}' is not understood; write THERE=HERE, such as P:/show=/mnt/show.",
                    reason="CONFIG_INVALID",
                )
            self._maps.append((there, here))
        self._maps.sort(key=lambda pair: -len(pair[0]))

    def here(self, path: str) -> str:
        """A client's path as it is called here; the path itself where no map fits."""
        for there, here in self._maps:
            rest = _below(path, there)
            if rest is not None:
                return f"{here}/{rest}" if rest else here
        return path


def _below(path: str, folder: str) -> str | None:
    """What follows a folder in a path, with forward slashes; None where the path does not lie in it."""
    if _DRIVE.match(folder) or folder.startswith("\\\\"):
        path, folder = path.replace("\\", "/"), folder.replace("\\", "/")
        inside = path.lower() == folder.lower() or path.lower().startswith(folder.lower() + "/")
    else:
        inside = path == folder or path.startswith(folder + "/")
    return path[len(folder) :].lstrip("/") if inside else None
