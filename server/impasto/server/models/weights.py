"""Weight files: known by their SHA-256, read without running code, fetched only when somebody says so.

A folder holds the files under their published names. Nothing is fetched while serving; `impasto models pull` and
`impasto models import` fill the folder, and both take only what has the checksum on a model's card.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from impasto.server.errors import BadRequest, Denied, ImpastoError, NotFound, NotReady
from impasto.server.models.card import BUNDLED, OURS, Model, Weights
from impasto.server.models.catalogue import catalogue

Policy = Literal["any", "commercial"]
"""Which licences may be used: any, or only those known to allow commercial work."""

FREE = frozenset(
    {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "Unlicense", "Zlib"}
)
"""SPDX names of licences that allow commercial work; whatever is not among them is taken not to."""

BLOCK = 1 << 20
"""Bytes read at once."""

TIMEOUT = 30.0
"""Seconds a server may stay silent."""


def commercial(licence: str) -> bool:
    """Whether a licence, a SPDX name or several joined by AND, is known to allow commercial work."""
    return all(name in FREE for name in licence.split(" AND "))


def digest(path: Path) -> str:
    """SHA-256 of a file, lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path, part: str | None = None) -> dict[str, Tensor]:
    """The named tensors of a file; no code in it is ever run.

    Args:
        path: safetensors, or a PyTorch checkpoint that holds nothing but tensors, at its top or under `state_dict`.
        part: of a checkpoint of several nets, the key under which this one's tensors lie.

    Raises:
        NotFound: no such file.
        BadRequest: damaged, holding code, or not named tensors of finite numbers; the sentence says which.
    """
    if not path.is_file():
        raise NotFound(f"There is no weights file {path}; check its path.", reason="WEIGHTS_MISSING")
    try:
        if _is_safetensors(path):
            state: object = load_file(path)
        else:
            with warnings.catch_warnings(action="ignore"):  # of a pickle's make, which is refused below
                state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadRequest(
            f"{path} is not a plain weights file: it is damaged or holds program code, which is never run; save it "
            "again as a state dict or as safetensors.",
            reason="WEIGHTS_REFUSED",
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, SafetensorError) as error:
        raise BadRequest(
            f"{path} is damaged or not a weights file; fetch it again.", reason="WEIGHTS_UNREADABLE"
        ) from error
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if part is not None:
        if not isinstance(state, Mapping) or part not in state:
            raise BadRequest(f"{path} holds no net named '{part}'; it is another model's.", reason="WEIGHTS_UNKNOWN")
        state = state[part]
    if not isinstance(state, Mapping):
        raise BadRequest(
            f"{path} holds a {type(state).__name__} instead of named weights; save the net's state dict.",
            reason="WEIGHTS_REFUSED",
        )
    named: dict[str, Tensor] = {}
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise BadRequest(
                f"{path} holds a {type(value).__name__} under '{key}' where weights are expected; save the net's state "
                "dict.",
                reason="WEIGHTS_REFUSED",
            )
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise BadRequest(
                f"{path} holds numbers that are not finite in '{key}'; fetch it again.", reason="WEIGHTS_UNREADABLE"
            )
        named[key] = value
    return named


def _is_safetensors(path: Path) -> bool:
    """By its name or, as a file that was sent has none, by its first bytes: a length, then JSON."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def first_difference(state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """What sets named tensors apart from those a net expects, in words; empty where keys and shapes agree."""
    missing, unknown = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing:
        return f"it lacks '{missing[0]}'"
    if unknown:
        return f"it holds '{unknown[0]}'"
    for key, value in expected.items():
        if state[key].shape != value.shape:
            return f"'{key}' is {tuple(state[key].shape)}, not {tuple(value.shape)}"
    return ""


def default_folder() -> Path:
    """`IMPASTO_WEIGHTS`, else the user's folder for programs' data."""
    named = os.environ.get("IMPASTO_WEIGHTS")
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "Impasto" / "weights"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "impasto" / "weights"


def default_policy() -> Policy:
    """`IMPASTO_MODELS_POLICY`, else any.

    Raises:
        BadRequest: the variable holds something else.
    """
    named = os.environ.get("IMPASTO_MODELS_POLICY") or "any"
    for policy in get_args(Policy):
        if named == policy:
            return policy  # type: ignore[no-any-return]
    raise BadRequest(
        f"IMPASTO_MODELS_POLICY is '{named}'; set it to {' or '.join(get_args(Policy))}.", reason="CONFIG_INVALID"
    )


def published() -> dict[str, tuple[Model, Weights]]:
    """Every file of weights on a model's card, by file name, and the (first) model it is for."""
    found: dict[str, tuple[Model, Weights]] = {}
    for model in catalogue().values():
        for weights in model.published:
            found.setdefault(weights.file, (model, weights))
    return found


@dataclass(frozen=True)
class Store:
    """The folder of weight files.

    Attributes:
        folder: where they are; need not exist yet.
        policy: which licences may be used.
    """

    folder: Path
    policy: Policy = "any"

    def path(self, weights: Weights) -> Path:
        """Where this file is, or would be."""
        return (BUNDLED if weights.source == OURS else self.folder) / weights.file

    def here(self, weights: Weights) -> bool:
        """Whether this file and those needed with it are here."""
        return all(self.path(file).is_file() for file in weights.files)

    def ready(self, model: Model) -> Path:
        """The first file of a model's card that is here with those beside it, their checksums found right.

        Raises:
            NotReady: none is here, or one here has another checksum.
            Denied: the studio's policy refuses a licence.
        """
        return self.ready_files(model)[0]

    def ready_files(self, model: Model) -> tuple[Path, ...]:
        """As `ready`: that file, then those needed with it, in the order of the card."""
        for weights in model.choices:
            if self.here(weights):
                for file in weights.files:
                    self.permit(file)
                    self.verify(file)
                return tuple(self.path(file) for file in weights.files)
        if any(weights.source == OURS for weights in model.choices):
            raise NotReady(
                f"The weights of '{model.id}' are not in this build; choose another model.",
                reason="WEIGHTS_MISSING",
                model=model.id,
            )
        raise NotReady(
            f"The weights of '{model.id}' are not on this machine; fetch them with `impasto models pull {model.id}`, "
            "or bring the file with `impasto models import FILE`.",
            reason="WEIGHTS_MISSING",
            model=model.id,
        )

    def permit(self, weights: Weights) -> None:
        """Raise Denied where the policy refuses the licence of this file."""
        if self.policy == "commercial" and not commercial(weights.licence):
            raise Denied(
                f"{weights.file} is under {weights.licence}, which the policy 'commercial' refuses; choose another "
                "model, or have the studio change IMPASTO_MODELS_POLICY.",
                reason="LICENCE_REFUSED",
            )

    def verify(self, weights: Weights) -> str:
        """The checksum of a file in the folder.

        Raises:
            NotFound: it is not here.
            NotReady: its checksum is not the published one.
        """
        path = self.path(weights)
        if not path.is_file():
            raise NotFound(
                f"{weights.file} is not in {self.folder}; fetch it with `impasto models pull {weights.file}`.",
                reason="WEIGHTS_MISSING",
            )
        found = digest(path)
        expected = weights.sha256 or self._noted(weights)
        if expected and not found.startswith(expected):
            raise NotReady(
                f"{path} has the SHA-256 {found[:16]}... instead of {expected[:16]}; it was damaged or changed, "
                f"delete it and fetch it again with `impasto models pull {weights.file}`.",
                reason="WEIGHTS_CHANGED",
            )
        return found

    def _note(self, weights: Weights, found: str) -> None:
        """Write down the checksum of a file whose publisher gave none, so that a later change is noticed."""
        if not weights.sha256:
            self._notes(weights).write_text(found + "\n", encoding="utf-8")

    def _noted(self, weights: Weights) -> str:
        notes = self._notes(weights)
        return notes.read_text(encoding="utf-8").strip() if notes.is_file() else ""

    def _notes(self, weights: Weights) -> Path:
        path = self.path(weights)
        return path.with_name(f"{path.name}.sha256")

    def take(self, file: Path) -> Weights:
        """Copy a file brought from elsewhere into the folder, known by its checksum whatever it is called.

        A file whose publisher gave no checksum is known by its name; the checksum it came with is written down.

        Returns:
            What it is.

        Raises:
            NotFound: there is no such file.
            BadRequest: its checksum is on no card.
            Denied: the studio's policy refuses its licence.
        """
        if not file.is_file():
            raise NotFound(f"There is no file {file} to import; check its path.", reason="WEIGHTS_MISSING")
        found = digest(file)
        for _, weights in published().values():
            if weights.matches(found):
                self.permit(weights)
                self._keep(weights, lambda part: shutil.copyfile(file, part))
                return weights
        named = published().get(file.name)
        if named and not named[1].sha256 and named[1].source != OURS:
            self.permit(named[1])
            self._keep(named[1], lambda part: shutil.copyfile(file, part))
            self._note(named[1], found)
            return named[1]
        expected = f" instead of {named[1].sha256[:16]}; it was damaged on the way" if named else ""
        raise BadRequest(
            f"{file} has the SHA-256 {found[:16]}...{expected or ', which no model knows'}; import one of the files "
            "`impasto models list` names.",
            reason="WEIGHTS_UNKNOWN",
        )

    def _keep(self, weights: Weights, write: Callable[[Path], object]) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{weights.file}.", dir=self.folder)
        os.close(handle)
        part = Path(name)
        try:
            write(part)
            if weights.sha256 and not weights.matches(digest(part)):
                raise BadRequest(f"{weights.file} changed while it was copied; import it again.")
            part.chmod(0o644)
            return part.replace(self.path(weights))
        finally:
            part.unlink(missing_ok=True)

    def pull(
        self, weights: Weights, *, accept_licence: bool = False, progress: Callable[[int, int], None] = lambda *_: None
    ) -> Path:
        """Fetch a file from where it is published; what an earlier try left is gone on from.

        Args:
            weights: the file.
            accept_licence: whether its user has accepted a licence that does not allow commercial work.
            progress: told the bytes here and in all (0 where the server does not say).

        Returns:
            Where it is.

        Raises:
            Denied: the policy refuses its licence, or the licence was not accepted.
            NotReady: it cannot be fetched, or the server's file has another checksum.
        """
        self.permit(weights)
        if not commercial(weights.licence) and not accept_licence:
            raise Denied(
                f"{weights.file} is under {weights.licence}, which does not allow commercial work; read it and say "
                "--accept-licence.",
                reason="LICENCE_NOT_ACCEPTED",
            )
        path = self.path(weights)
        if path.is_file() and (not weights.sha256 or weights.matches(digest(path))):
            return path
        if not weights.source.startswith(("https://", "http://")):
            raise NotReady(
                f"{weights.file} has no address to fetch it from ({weights.source}); bring the file with "
                "`impasto models import FILE`.",
                reason="WEIGHTS_NO_SOURCE",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        _fetch(weights, part, progress)
        found = digest(part)
        if weights.sha256 and not weights.matches(found):
            part.unlink()
            raise NotReady(
                f"{weights.source} gave a file with the SHA-256 {found[:16]}... instead of {weights.sha256[:16]}; "
                "nothing was kept, check for a proxy in between and try again.",
                reason="WEIGHTS_CHANGED",
            )
        self._note(weights, found)
        return part.replace(path)


def default_store() -> Store:
    """The store of this user, as the environment says."""
    return Store(default_folder(), default_policy())


def _fetch(weights: Weights, part: Path, progress: Callable[[int, int], None]) -> None:
    """Bring `part` to its whole length, beginning where it ends."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(weights.source, headers={"User-Agent": "impasto"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            resumed = response.status == 206
            have = have if resumed else 0
            length = int(response.headers.get("Content-Length") or 0)
            total = have + length if length else 0
            with part.open("ab" if resumed else "wb") as file:
                progress(have, total)
                while block := response.read(BLOCK):
                    file.write(block)
                    have += len(block)
                    progress(have, total)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing: the earlier try ended just before the checksum
            return
        raise _unfetched(weights, f"the server answered {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _unfetched(weights, str(getattr(error, "reason", None) or error or type(error).__name__)) from error
    if total and have < total:
        raise _unfetched(weights, f"the connection ended after {have} of {total} bytes")


def _unfetched(weights: Weights, why: str) -> ImpastoError:
    return NotReady(
        f"{weights.file} could not be fetched from {weights.source}: {why}; run the same command again to go on "
        "where it ended, or bring the file with `impasto models import FILE`.",
        reason="WEIGHTS_UNREACHABLE",
    )
