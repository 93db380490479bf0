"""Which device a job runs on."""

from __future__ import annotations

from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest
from impasto.v1.job_pb2 import JobSpec


def resolve_device(wish: str) -> str:
    """The device meant by `auto`, `cpu`, `cuda` or `cuda:N`: for auto the first CUDA device, else the CPU.

    Raises:
        BadRequest: the machine does not have it (`DEVICE_UNKNOWN`).
    """
    if wish == "cpu":
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wish in ("", "auto"):
        return "cuda:0" if count else "cpu"
    number = int(wish.partition(":")[2] or 0)
    if number >= count:
        raise BadRequest(
            f"The server has no device '{wish}'; it has cpu{''.join(f', cuda:{n}' for n in range(count))}.",
            reason="DEVICE_UNKNOWN",
        )
    return f"cuda:{number}"


def device_kind(device: str) -> str:
    """What decides a device's bits: `cpu`, or `cuda` and the card's name, whatever its number; part of every key."""
    if not device.startswith("cuda"):
        return device
    import torch

    return f"cuda {torch.cuda.get_device_name(device)}" if torch.cuda.is_available() else "cuda"


def devices_meant(spec: JobSpec, config: ServerConfig, planned: str) -> tuple[str, ...]:
    """The devices a job may run on: the one named, or for `auto` every device of the kind of the one planned.

    Devices of one kind give the same bits; which of them a job runs on decides nothing.
    """
    wish = spec.compute.device or config.device
    if wish not in ("", "auto") or not planned.startswith("cuda"):
        return (planned,)
    import torch

    kind = device_kind(planned)
    count = torch.cuda.device_count()
    return tuple(f"cuda:{n}" for n in range(count) if device_kind(f"cuda:{n}") == kind) or (planned,)
