"""The server's configuration: file, environment and flags, read once, frozen and handed down."""

from __future__ import annotations

import ipaddress
import math
import os
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from impasto.server.errors import BadRequest

ENVIRONMENT = "IMPASTO_"
ELSEWHERE = frozenset(
    {
        "IMPASTO_CLIENT_CERT",
        "IMPASTO_CLIENT_KEY",
        "IMPASTO_SERVER",
        "IMPASTO_WEIGHTS",
        "IMPASTO_MODELS_POLICY",
        "IMPASTO_ASSETS",
        "IMPASTO_COMMAND",
        "IMPASTO_KEEP_ENV",
        "IMPASTO_PATH_MAP",
        "IMPASTO_TLS_CA",
    }
)
"""Variables read elsewhere: by the client side, the nodes in Nuke, the store of weights and the tests."""


_OF_SERVERS = frozenset(
    ("listen", "state_dir", "token", "token_file", "idle_exit", "address_file", "insecure", "roots", "metrics")
)
"""Settings that are not taken from the environment by a server inside the command."""


def available_threads() -> int:
    """Threads this process may use: CPU affinity, and the quota of its cgroup, rounded up; at least 1."""
    affinity = getattr(os, "sched_getaffinity", None)
    threads = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup"))
    return max(1, min(threads, math.ceil(quota)) if quota else threads)


def _cgroup_quota(root: Path) -> float | None:
    """CPUs granted by cgroup v2 or v1, or None where there is no limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return int(quota) / int(period)


def _user_folder(kind: str, windows: str) -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "Impasto" / windows
    variable, default = {"state": ("XDG_STATE_HOME", ".local/state"), "cache": ("XDG_CACHE_HOME", ".cache")}[kind]
    return Path(os.environ.get(variable) or Path.home() / default) / "impasto"


class ServerConfig(BaseSettings):
    """All that may be set, under the same names in the file, as `IMPASTO_NAME` in the environment, and as flags.

    Calling the class takes nothing but its arguments; `read` puts file, environment and flags together.

    Attributes:
        listen: `HOST:PORT` (port 0: any free one) or `unix:/path`.
        state_dir: jobs and their results; on a local disk, one server at a time.
        cache_dir: content shared by all servers and commands (`IMPASTO_CACHE`).
        cache_bytes: size the cache is kept under.
        roots: folders whose files are read and written in place; in the environment listed as in PATH.
        path_maps: what clients call folders that have other names here, each `THERE=HERE`, such as
            `P:/show=/mnt/show`; in the environment parted by `;`.
        max_pixels: largest picture taken, in pixels of its data window.
        max_bytes: largest picture taken, in bytes of all its channels; no larger file is taken either.
        max_frames: longest shot taken, in frames.
        max_jobs: jobs a user may have that have not ended.
        interactive_frames: frames an interactive job may want.
        upload_rate: bytes a second a user may send; 0 as fast as it goes.
        max_live: live streams painted at once.
        upload_hours: hours without a byte after which a job that waits for files is given up; 0 for never.
        keep_days: days an ended job, its events and its frames kept here stay; 0 for ever.
        token: asked of every caller; None asks for none.
        token_file: tokens of callers, one a line: the token alone, or a user's name, a space and the token. The name is
            shown with that user's jobs. Empty lines and lines that begin with # are left aside.
        tls_cert: certificate chain, PEM.
        tls_key: its private key, PEM.
        tls_client_ca: authority whose clients are let in, PEM (mutual TLS).
        metrics: `HOST:PORT` on which Prometheus may ask; empty for none. Speaks TLS where tls_cert is set.
        insecure: allow an address that is not loopback without TLS or without token.
        idle_exit: seconds without calls and work after which the server ends; 0 never.
        address_file: where the server writes how it is reached, as JSON: address, token, pid.
        device: what `auto` means for jobs: auto, cpu or cuda:N.
        threads: cores for jobs that name none; 0 takes what the process may use.
        memory: bytes a job is planned for where it names none.
        log_level: debug, info, warning or error.
        log_json: logs as one JSON object a line.
        isolate: decode files in processes apart, so that one that crashes its decoder takes no more; a server that was
            started as one does.
        temporary: the state goes with the server.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENVIRONMENT, populate_by_name=True)

    listen: str = "127.0.0.1:50740"
    state_dir: Path = Field(default_factory=lambda: _user_folder("state", "state"))
    cache_dir: Path = Field(
        default_factory=lambda: _user_folder("cache", "cache"),
        validation_alias=AliasChoices("cache_dir", "IMPASTO_CACHE"),
    )
    cache_bytes: int = Field(20 << 30, ge=1 << 20)
    roots: Annotated[tuple[Path, ...], NoDecode] = ()
    path_maps: Annotated[tuple[str, ...], NoDecode] = ()
    max_pixels: int = Field(16384 * 16384, ge=1)
    max_bytes: int = Field(8 << 30, ge=1)
    max_frames: int = Field(100_000, ge=1)
    max_jobs: int = Field(10_000, ge=1)
    interactive_frames: int = Field(4, ge=1)
    upload_rate: int = Field(0, ge=0)
    max_live: int = Field(4, ge=1)
    upload_hours: float = Field(48, ge=0)
    keep_days: float = Field(30, ge=0)
    token: SecretStr | None = None
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    metrics: str = ""
    insecure: bool = False
    idle_exit: float = Field(0, ge=0)
    address_file: Path | None = None
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int = Field(0, ge=0)
    memory: int = Field(8 << 30, ge=256 << 20)
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    log_json: bool = False
    isolate: bool = False
    temporary: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but the arguments."""
        return (init_settings,)

    @field_validator("roots", mode="before")
    @classmethod
    def _listed(cls, roots: Any) -> Any:
        """In the environment, roots are listed as in PATH."""
        return tuple(filter(None, roots.split(os.pathsep))) if isinstance(roots, str) else roots

    @field_validator("path_maps", mode="before")
    @classmethod
    def _parted(cls, maps: Any) -> Any:
        return tuple(filter(None, maps.split(";"))) if isinstance(maps, str) else maps

    @field_validator("roots")
    @classmethod
    def _whole_roots(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        for root in roots:
            if not root.is_absolute() or not root.is_dir():
                raise ValueError(f"root {root} is not the absolute path of a folder")
        return roots

    @field_validator("metrics")
    @classmethod
    def _known_port(cls, metrics: str) -> str:
        host, _, port = metrics.rpartition(":")
        if metrics and (not host or not port.isdigit() or int(port) > 65535):
            raise ValueError(f"'{metrics}' is not HOST:PORT")
        return metrics

    @field_validator("listen")
    @classmethod
    def _known_form(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if not listen.startswith("unix:") and (not host or not port.isdigit() or int(port) > 65535):
            raise ValueError(f"'{listen}' is neither HOST:PORT nor unix:/path")
        return listen

    @model_validator(mode="after")
    def _locked_doors(self) -> Self:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key go together")
        if self.tls_client_ca and not self.tls_cert:
            raise ValueError("tls_client_ca needs tls_cert and tls_key")
        if self.metrics and not _loopback(self.metrics) and not self.tls_cert and not self.insecure:
            raise ValueError(
                f"metrics on '{self.metrics}' can be reached from other machines without TLS; "
                "set tls_cert and tls_key, give them on 127.0.0.1, or say insecure"
            )
        if self.local or self.insecure:
            return self
        if not self.tls_cert:
            raise ValueError(
                f"'{self.listen}' can be reached from other machines and has no TLS; "
                "set tls_cert and tls_key, listen on 127.0.0.1, or say insecure"
            )
        if not (self.token or self.token_file or self.tls_client_ca):
            raise ValueError(
                f"'{self.listen}' can be reached from other machines and asks for no token; "
                "set token_file or tls_client_ca, listen on 127.0.0.1, or say insecure"
            )
        return self

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.listen.startswith("unix:"):
            return True
        return _loopback(self.listen)

    @property
    def tokens(self) -> dict[str, str]:
        """The tokens callers may show, each with its user's name or an empty one; none where none is asked.

        Raises:
            BadRequest: the token file cannot be read, holds no token, or a line of it is not understood.
        """
        if self.token is not None:
            return {self.token.get_secret_value(): ""} if self.token.get_secret_value() else {}
        if self.token_file is None:
            return {}
        try:
            lines = self.token_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(
                f"The token file {self.token_file} cannot be read: {getattr(error, 'strerror', 'it is no text')}.",
                reason="CONFIG_INVALID",
            ) from error
        found = {}
        for number, line in enumerate(lines, 1):
            words = line.split()
            if len(words) > 2:
                raise BadRequest(
                    f"Line {number} of the token file {self.token_file} is not understood; write NAME TOKEN.",
                    reason="CONFIG_INVALID",
                )
            if words and not words[0].startswith("#"):
                found[words[-1]] = words[0] if len(words) == 2 else ""
        if not found:
            raise BadRequest(
                f"The token file {self.token_file} is empty; write a token into it.", reason="CONFIG_INVALID"
            )
        return found

    @property
    def worker_threads(self) -> int:
        """Threads for a job that names none."""
        return self.threads or available_threads()

    @classmethod
    def read(cls, file: Path | None = None, **flags: Any) -> Self:
        """The configuration from a TOML file, then the environment, then flags, the later above the earlier.

        Args:
            file: TOML with the attributes' names; None for none.
            **flags: attributes; None where the flag was not given.

        Raises:
            BadRequest: something is unknown or wrong (`CONFIG_INVALID`).
        """
        values = {"isolate": True, **_of_file(file), **_of_environment(cls)}
        values |= {name: value for name, value in flags.items() if value is not None}
        return cls._checked(values)

    @classmethod
    def embedded(cls, **flags: Any) -> Self:
        """The configuration of a server inside the command: a private address, a state of its own, all paths in place.

        Args:
            **flags: attributes, as for `read`; those not given or None come from the environment.

        Raises:
            BadRequest: something is unknown or wrong (`CONFIG_INVALID`).
        """
        values = _of_environment(cls)
        for own in _OF_SERVERS:
            values.pop(own, None)
        values |= {name: value for name, value in flags.items() if value is not None}
        values.setdefault("log_level", "warning")
        values.setdefault("roots", _all_roots())
        if "state_dir" not in values:
            values |= {"state_dir": Path(tempfile.mkdtemp(prefix="impasto-")), "temporary": True}
        if "listen" not in values:
            socket = Path(values["state_dir"]) / "socket"
            unix = sys.platform != "win32" and len(str(socket)) < 100
            values["listen"] = f"unix:{socket}" if unix else "127.0.0.1:0"
        return cls._checked(values)

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> Self:
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            wrong = first["msg"].removeprefix("Value error, ")
            sentence = f"{f'The setting {name}' if name else 'The configuration'} is wrong: {wrong}."
            if first["type"] == "extra_forbidden":
                sentence = f"There is no setting '{name}'; there are: {', '.join(sorted(cls.model_fields))}."
            raise BadRequest(sentence, reason="CONFIG_INVALID") from error


def _loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _of_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRequest(
            f"The configuration {file} cannot be read: {error.strerror}.", reason="CONFIG_INVALID"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The configuration {file} is not TOML: {error}.", reason="CONFIG_INVALID") from error


def _of_environment(settings: type[ServerConfig]) -> dict[str, Any]:
    fields = {f"{ENVIRONMENT}{name.upper()}" for name in settings.model_fields} | {"IMPASTO_CACHE"}
    unknown = sorted(
        name for name in os.environ if name.startswith(ENVIRONMENT) and name not in fields and name not in ELSEWHERE
    )
    if unknown:
        raise BadRequest(
            f"The environment sets {unknown[0]}, which is no setting of Impasto; unset it, or use one of: "
            f"{', '.join(sorted(fields))}.",
            reason="CONFIG_INVALID",
        )
    values: dict[str, Any] = EnvSettingsSource(settings)()
    return values


def _all_roots() -> tuple[Path, ...]:
    if sys.platform == "win32":
        return tuple(Path(f"{letter}:\\") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if Path(f"{letter}:\\").is_dir())
    return (Path("/"),)
