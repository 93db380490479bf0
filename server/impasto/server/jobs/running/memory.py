"""When a device runs out of memory: known as such, and told with its numbers."""

from __future__ import annotations

from impasto.server.jobs.planning.plan import Plan

LEAST = 256 << 20
"""Bytes below which no shot is planned."""
MOST_PLANS = 4
"""Plans a shot gets in all, each for half the memory of the one before."""

_SAID = ("out of memory", "can't allocate memory", "not enough memory", "insufficient memory", "failed to allocate")


def ran_out(error: BaseException) -> bool:
    """Whether an error means that memory, of the device or of the machine, ran out."""
    if isinstance(error, MemoryError):
        return True
    # torch's own class is a RuntimeError too, as is what its CPU allocator and OpenCV raise.
    return isinstance(error, RuntimeError | OSError) and any(said in str(error).lower() for said in _SAID)


def may_replan(plan: Plan) -> bool:
    """Whether a shot may be planned once more, for less."""
    return plan.replanned + 1 < MOST_PLANS and plan.memory // 2 >= LEAST


def numbers(plan: Plan) -> str:
    """What was planned and what the device has, for a sentence."""
    tried = ", ".join(f"{(plan.memory << back) / 2**30:.2g}" for back in range(plan.replanned, -1, -1))
    return f"planned for {tried} GiB on {plan.device}, {device_memory(plan.device)}"


def device_memory(device: str) -> str:
    """`which has 24 GiB, 3.1 of them free`, as far as it can be known."""
    try:
        if device.startswith("cuda"):
            import torch

            free, total = torch.cuda.mem_get_info(device)
        else:
            facts = dict(line.split(":", 1) for line in open("/proc/meminfo"))  # noqa: PTH123, SIM115
            total, free = (int(facts[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except Exception:
        return "whose size is not known"
    return f"which has {total / 2**30:.3g} GiB, {free / 2**30:.3g} of them free"


def free() -> None:
    """Give what torch holds for later back to the device."""
    import gc
    import sys

    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
