"""Trains the look of the house, `impasto`, from scratch, in slices that can be stopped and resumed.

    python training/style.py --assets DIR --out DIR --minutes 30 [--resume] [--device cpu|cuda]

Leaves in `--out`: `state.pt` (everything to go on from), `impasto.safetensors` (the averaged net, fp16), its card
`impasto.json` with the losses over the iterations, and `sheet.######.png` (unseen styles over unseen plates). Loss
networks are used here only; nothing of them is shipped.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import card
import cv2
import numpy as np
import torch
from asked import asked
from data import TRAINED_SHOTS, Pictures, gather, read, resized, unseen
from losses import (
    Features,
    Manner,
    Neighbours,
    Slices,
    content_loss,
    light,
    manner,
    pushed,
    sliced_patches,
    structure,
    style_loss,
)
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.style.impasto import ImpastoNet


@dataclass(frozen=True)
class Weights:
    """Of each loss."""

    content: float
    statistics: float
    texture: float
    patches: float
    neighbours: float
    temporal: float
    light: float = 0.0
    smooth: float = 0.1
    bounds: float = 1.0


@dataclass(frozen=True)
class Stage:
    """From `start` on the weights go evenly, over `ramp` iterations, from the last stage's to these.

    `total` is where the rate's fall ends, as it was foreseen then.
    """

    start: int
    ramp: int
    total: int
    weights: Weights
    told: str = ""


CONTENT_HEAVY = Weights(content=3.0, statistics=1.0, texture=0.0, patches=0.5, neighbours=0.0, temporal=0.0)
STAGES = (
    Stage(0, 0, 1900, CONTENT_HEAVY),
    Stage(100, 400, 1900, Weights(0.06, 10.0, 14.0, 25.0, 0.1, 4.0), "an earlier form of the net, colours unmatched"),
    Stage(600, 0, 7200, Weights(0.06, 10.0, 14.0, 25.0, 0.1, 4.0), "colours matched in closed form"),
    Stage(800, 0, 7200, Weights(0.14, 6.0, 6.0, 80.0, 0.1, 4.0), "tried by hand up to 1,200, these are the last"),
    Stage(4800, 0, 7200, Weights(1.5, 6.0, 4.0, 100.0, 0.1, 12.0)),
    Stage(7200, 0, 12200, Weights(1.2, 6.0, 4.0, 160.0, 0.1, 40.0)),
    Stage(9600, 0, 19000, Weights(0.9, 6.0, 9.0, 160.0, 0.1, 30.0, light=1.0), "grain taken out of the plate first"),
    Stage(10800, 100, 19000, Weights(0.8, 40.0, 20.0, 80.0, 0.05, 20.0, light=1.0)),
    Stage(13200, 200, 18000, Weights(2.2, 25.0, 10.0, 220.0, 0.1, 30.0, light=1.5)),
)
"""The schedule of the shipped weights, changed by hand on the way. A run from scratch would follow it."""

HISTORY = (
    "Not one run from scratch: the stages tell how the losses were weighed, changed by hand on the way. The first 600 "
    "iterations count for a start from an earlier form of the net, trained for some 1,800 iterations without the "
    "matched colours; between 800 and 1,200 more was tried than was kept; up to 9,600 the net saw the plate's grain, "
    "since then a guided filter takes it out first."
)


@dataclass
class Options:
    """What the command line sets."""

    assets: Path
    out: Path
    minutes: float = 30.0
    device: str = "cpu"
    resume: bool = False
    quick: bool = False
    side: int = 128
    batch: int = 4
    reuse: int = 4
    rate: float = 1e-3
    until: int = STAGES[-1].total
    save_every: int = 200


def weights_at(iteration: int) -> Weights:
    """What the losses weigh at an iteration."""
    at = max(index for index, stage in enumerate(STAGES) if stage.start <= iteration)
    stage, before = STAGES[at], STAGES[max(0, at - 1)]
    share = min(1.0, (iteration - stage.start) / stage.ramp) if stage.ramp else 1.0
    first, last = asdict(before.weights), asdict(stage.weights)
    return Weights(**{name: (1 - share) * first[name] + share * last[name] for name in first})


def rate_at(iteration: int, highest: float) -> float:
    """Rises over 100 iterations, then falls as half a cosine to a twentieth at the stage's `total`."""
    total = [stage.total for stage in STAGES if stage.start <= iteration][-1]
    progress = min(1.0, iteration / total)
    fall = 0.05 + 0.95 * 0.5 * (1.0 + float(np.cos(np.pi * progress)))
    return highest * min(1.0, (iteration + 1) / 100) * fall


@dataclass(frozen=True)
class Batch:
    """Contents and styles with all that the losses know of them beforehand."""

    content: Tensor
    style: Tensor
    features: dict[str, Tensor]
    structure: dict[str, Tensor]
    light: Tensor
    manner: Manner
    slices: Slices
    responses: list[Tensor]

    def turned(self, places: int) -> Batch:
        """The same with every content given another's style."""
        manner = {
            layer: (mean.roll(places, 0), std.roll(places, 0), None if cov is None else cov.roll(places, 0))
            for layer, (mean, std, cov) in self.manner.items()
        }
        responses = [response.roll(places, 0) for response in self.responses]
        return replace(self, style=self.style.roll(places, 0), manner=manner, responses=responses)


class Trainer:
    """The net, its average, the losses and the pictures; `step` is one iteration."""

    def __init__(self, options: Options) -> None:
        torch.manual_seed(0)
        self.options, self.device = options, torch.device(options.device)
        self.net = ImpastoNet().to(self.device, memory_format=torch.channels_last)
        torch.nn.init.normal_(self.net.out.weight, std=1e-3)  # the first painting is the plate in the style's palette
        torch.nn.init.zeros_(self.net.out.bias)
        self.average = ImpastoNet().to(self.device)
        self.average.load_state_dict(self.net.state_dict())
        self.features = Features(options.assets).to(self.device)
        self.neighbours = Neighbours().to(self.device)
        self.optimizer = torch.optim.Adam(
            [*self.net.parameters(), *self.neighbours.parameters()], lr=options.rate, betas=(0.9, 0.99)
        )
        self.random = torch.Generator().manual_seed(1)
        self.iteration, self.seconds = 0, 0.0
        self.curve: list[dict[str, float]] = []
        self.batch: Batch | None = None
        self.contents, self.styles = gather(options.assets, self.device, options.quick)

    def step(self) -> dict[str, float]:
        """One iteration; the losses, unweighted."""
        options, weight = self.options, weights_at(self.iteration)
        turn = self.iteration % options.reuse
        if turn == 0 or self.batch is None:
            self.batch = self._draw()
        batch = self.batch.turned(turn)
        with torch.autocast(self.device.type, torch.bfloat16):
            code = self.net.code(batch.style)
            painted = self.net(batch.content.contiguous(memory_format=torch.channels_last), code).float()
        losses = {"bounds": (painted - painted.clamp(0, 1)).square().mean(), "smooth": roughness(painted)}
        found = self.features(painted.clamp(-0.1, 1.1))
        if weight.light:
            losses["light"] = F.mse_loss(light(painted), batch.light)
        losses["content"] = content_loss(structure(found), batch.structure)
        losses["statistics"], losses["texture"] = style_loss(manner(found), batch.manner)
        losses["patches"] = sliced_patches(batch.slices(painted), batch.responses)
        if weight.neighbours:
            losses["neighbours"] = self.neighbours(found, batch.features, self.random)
        if weight.temporal and self.iteration % 2 == 0:
            losses["temporal"] = self._temporal(batch.content, code, painted)
        total = torch.stack([getattr(weight, name) * value for name, value in losses.items()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.iteration, options.rate)
        self.optimizer.step()
        self._follow()
        self.iteration += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    @torch.no_grad()
    def _draw(self) -> Batch:
        content, style = draw(self.contents, self.styles, self.options, self.random)
        features = self.features(content)
        slices = Slices(24, 7, self.random, self.device)
        shape, look = structure(features), manner(self.features(style))
        return Batch(content, style, features, shape, light(content), look, slices, slices(style))

    def _temporal(self, content: Tensor, code: Tensor, painted: Tensor) -> Tensor:
        """Painting a moved, noisy picture against moving the painted one; half the batch."""
        half = max(1, content.shape[0] // 2)
        grid = pushed(*content.shape[-2:], half, self.random).to(self.device)
        inside = (grid.abs() < 0.97).all(-1)[:, None]
        noise = torch.randn(half, *content.shape[1:], generator=self.random) * (0.001 + 0.02 * torch.rand(()).item())
        moved = move(content[:half], grid) + noise.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            again = self.net(moved.contiguous(memory_format=torch.channels_last), code[:half]).float()
        difference = (move(painted[:half], grid) - again).abs() * inside
        return difference.sum() / (3 * inside.sum()).clamp_min(1)

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(0.995, self.iteration / (self.iteration + 10))
        for slow, fast in zip(self.average.parameters(), self.net.parameters(), strict=True):
            slow.lerp_(fast, 1.0 - keep)

    def save(self) -> None:
        """Write what to go on from, the net to ship, the curve and the sheet."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "neighbours": self.neighbours.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
            "iteration": self.iteration,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        torch.save(state, out / "state.part")
        (out / "state.part").replace(out / "state.pt")
        half = {key: value.half().cpu().contiguous() for key, value in self.average.state_dict().items()}
        save_file(half, out / "impasto.safetensors", {"iterations": str(self.iteration)})
        card.write(out / "impasto.json", out / "impasto.safetensors", self.facts(), self.curve)
        cv2.imwrite(str(out / f"sheet.{self.iteration:06d}.png"), sheet(self.average, self.options))

    def facts(self) -> dict[str, object]:
        """What the card says of this training."""
        options = self.options
        return {
            "id": "impasto",
            "licence": "Apache-2.0",
            "made_by": "training/style.py",
            "history": HISTORY,
            "trained_on": (
                "110 paintings by artists dead by 1944 and 300 by Monet (public domain), frames of our own renders "
                f"{' and '.join(TRAINED_SHOTS)}, and pictures drawn by training/data.py"
            ),
            "judged_by": "VGG19 to relu3_1 (CC BY 4.0) and a compressed VGG19 to relu4_1 (MIT), neither shipped",
            "iterations": self.iteration,
            "hours": round(self.seconds / 3600, 2),
            "device": str(self.device),
            "batch": options.batch,
            "crop": options.side,
            "stages": [asdict(stage) for stage in STAGES if stage.start <= self.iteration],
        }

    def resume(self) -> None:
        """Go on from `state.pt` where there is one."""
        path = self.options.out / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.neighbours.load_state_dict(state["neighbours"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"].cpu())
        self.iteration, self.seconds, self.curve = state["iteration"], state["seconds"], state["curve"]


def draw(contents: Pictures, styles: Pictures, options: Options, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch of contents and one of styles, the contents' exposure and contrast varied a little."""
    content = contents.crops(options.batch, options.side, (0.7, 2.2), random)
    gain = (torch.rand(options.batch, 3, 1, 1, generator=random) * 0.1 + 0.95) * (
        torch.rand(options.batch, 1, 1, 1, generator=random) * 0.5 + 0.75
    )
    style = styles.crops(options.batch, options.side, (0.8, 2.0), random)
    return (content * gain.to(content.device)).clamp(0, 1), style


def roughness(x: Tensor) -> Tensor:
    """Mean difference between neighbouring pixels."""
    return (x[..., 1:] - x[..., :-1]).abs().mean() + (x[..., 1:, :] - x[..., :-1, :]).abs().mean()


def move(x: Tensor, grid: Tensor) -> Tensor:
    """Resample (B, C, H, W) at a grid."""
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


@torch.no_grad()
def sheet(net: ImpastoNet, options: Options) -> np.ndarray:
    """Unseen styles (columns) over unseen plates (rows), (H, W, 3) BGR bytes."""
    assets = options.assets
    styles = [resized(read(path), 256)[None] for path in unseen(assets / "pictures" / "masters")[1::3]][:6]
    plates = [assets / "shots" / "highlight" / "plate.1006.exr", assets / "shots" / "field" / "plate.1006.exr"]
    plates.append(assets / "interpolation" / "Walking" / "frame10.png")
    blank = torch.ones(3, 192, 256)

    def cell(picture: Tensor) -> Tensor:
        return F.interpolate(picture[None], (192, 256), mode="bilinear", antialias=True, align_corners=False)[0]

    rows = [torch.cat([blank, *(cell(style[0]) for style in styles)], -1)]
    for path in plates:
        plate = resized(read(path), 288)[None]
        plate = plate[..., : plate.shape[-2] // 8 * 8, : plate.shape[-1] // 8 * 8].to(options.device)
        painted = [net(plate, net.code(style.to(options.device)))[0].clamp(0, 1).cpu() for style in styles]
        rows.append(torch.cat([cell(picture) for picture in (plate[0].cpu(), *painted)], -1))
    return (torch.cat(rows, -2).permute(1, 2, 0).flip(-1) * 255).round().byte().numpy()


def main() -> None:
    """Train for `--minutes`, saving as it goes."""
    options = asked(Options, __doc__)
    trainer = Trainer(options)
    if options.resume:
        trainer.resume()
    end = time.monotonic() + 60 * options.minutes
    sums: dict[str, list[float]] = {}
    mark = time.monotonic()
    while time.monotonic() < end and trainer.iteration < options.until:
        for name, value in trainer.step().items():
            sums.setdefault(name, []).append(value)
        if trainer.iteration % 20 == 0:
            trainer.seconds += time.monotonic() - mark
            mark = time.monotonic()
            row = {name: round(sum(values) / len(values), 5) for name, values in sums.items()}
            row |= {"iteration": trainer.iteration, "seconds": round(trainer.seconds, 1)}
            trainer.curve.append(row)
            sums.clear()
            print(row, flush=True)
        if trainer.iteration % options.save_every == 0:
            trainer.save()
    trainer.save()


if __name__ == "__main__":
    main()
