"""Trains `impasto-blend`, the net that mends splats, on layered scenes and our own renders alone.

    python training/interpolation.py --assets ASSETS --out DIR --minutes 20 [--device cpu] [--examples 600]

Goes on from `DIR/state.pt`. Every slice draws new scenes, measures their motion with the product's own estimator (so
the net learns that one's mistakes), and keeps what splats bring; then it trains on these until the minutes are over. It
writes `impasto-blend.safetensors` and its card. Truth is the scene at the moment
between, or the rendered frame between two.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import card
import torch
from asked import asked
from data import TRAINED_SHOTS, drawn, read, resized, unseen
from safetensors.torch import save_file
from scenes import Scenes, grain
from torch import Tensor

from impasto.server.models import catalogue
from impasto.server.models.interpolation.blend_net import BlendNet, brought
from impasto.server.models.interpolation.interpolator import Pair
from impasto.server.models.interpolation.splat import course
from impasto.server.shots.mattes import mattes

SIDE = 128
HELD = 16
"""Scenes kept for measuring, drawn from a seed of their own."""


@dataclass(frozen=True)
class Options:
    """What is asked for on the command line."""

    assets: Path
    out: Path
    minutes: float = 20.0
    device: str = "cpu"
    examples: int = 600
    batch: int = 8
    rate: float = 5e-4
    total: int = 20_000
    motion: str = "dis"
    of_shots: float = 0.25


@dataclass(frozen=True)
class Example:
    """What splats bring, (1, 11, S, S), and the truth, (1, 3, S, S), half floats."""

    given: Tensor
    true: Tensor


class Makers:
    """Make examples.

    Args:
        options: where pictures are, and what measures motion.
    """

    def __init__(self, options: Options) -> None:
        held = set(unseen(options.assets / "pictures" / "masters"))
        masters = [path for path in sorted((options.assets / "pictures" / "masters").glob("*.jpg")) if path not in held]
        monet = sorted((options.assets / "pictures" / "monet").glob("*.jpg"))[::3]
        random = torch.Generator().manual_seed(5)
        textures = [resized(read(path), 320) for path in masters] + [read(path) for path in monet]
        textures += [drawn(256, 256, random) for _ in range(len(textures))]
        self._scenes = Scenes(textures, SIDE, SIDE)
        self._assets = options.assets
        self._motion = catalogue.find(options.motion, "flow").build()

    def scene(self, random: torch.Generator) -> Example:
        """One from a layered scene, at a random time; half of them in the middle, where they are most often wanted."""
        scene = self._scenes.draw(random)
        when = 0.5 if torch.rand((), generator=random) < 0.5 else 0.1 + 0.8 * float(torch.rand((), generator=random))
        shutter = 0.4 * float(torch.rand((), generator=random)) if torch.rand((), generator=random) < 0.3 else 0.0
        first, true, second = (scene.picture(moment, shutter) for moment in (0.0, when, 1.0))
        first, second = grain(torch.stack([first, second]), random)[:, None]
        return self._example(first, second, true[None], when)

    def shots(self, random: torch.Generator, count: int) -> list[Example]:
        """`count` crops of our own renders, the middle one of three frames as truth."""
        made: list[Example] = []
        while len(made) < count:
            shot = TRAINED_SHOTS[int(torch.randint(len(TRAINED_SHOTS), (), generator=random))]
            start = 1001 + int(torch.randint(10, (), generator=random))
            frames = [read(self._assets / "shots" / shot / f"plate.{start + step}.exr") for step in range(3)]
            whole = self._example(frames[0][None], frames[2][None], frames[1][None], 0.5)
            for _ in range(min(15, count - len(made))):
                top, left = (
                    int(torch.randint(length - SIDE, (), generator=random)) // 2 * 2 for length in whole.true.shape[-2:]
                )
                cut = (..., slice(top, top + SIDE), slice(left, left + SIDE))
                made.append(Example(whole.given[cut].clone(), whole.true[cut].clone()))
        return made

    def _example(self, first: Tensor, second: Tensor, true: Tensor, when: float) -> Example:
        forward, backward = self._motion.both(first, second)
        one, other = mattes(first, second, forward, backward), mattes(second, first, backward, forward)
        pair = Pair(first, second, forward, backward, one.occlusion, other.occlusion, one.confidence, other.confidence)
        given = brought(pair, when, course(pair, when))
        return Example(given.half(), true.half())


def turned(given: Tensor, true: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """A batch mirrored and turned at random; the net knows no motion, so nothing else has to turn."""
    if torch.rand((), generator=random) < 0.5:
        given, true = given.flip(-1), true.flip(-1)
    quarter = int(torch.randint(4, (), generator=random))
    return given.rot90(quarter, (-2, -1)), true.rot90(quarter, (-2, -1))


class Trainer:
    """The net, its slow average, and how far they are."""

    def __init__(self, options: Options) -> None:
        self.options, self.device = options, torch.device(options.device)
        torch.manual_seed(11)
        self.net, self.average = BlendNet().to(self.device), BlendNet().to(self.device)
        self.average.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=options.rate, weight_decay=1e-4)
        self.iteration, self.slice, self.seconds = 0, 0, 0.0
        self.curve: list[dict[str, float]] = []

    def examples(self, makers: Makers) -> list[Example]:
        """This slice's, from a seed of its own."""
        random = torch.Generator().manual_seed(1000 + self.slice)
        shots = round(self.options.of_shots * self.options.examples)
        made = makers.shots(random, shots)
        while len(made) < self.options.examples:
            made.append(makers.scene(random))
        return made

    def step(self, examples: list[Example], random: torch.Generator) -> float:
        """One step; gives its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.rate * min(1.0, (self.iteration + 1) / 100) * self._fading()
        picks = torch.randint(len(examples), (self.options.batch,), generator=random).tolist()
        given = torch.cat([examples[pick].given for pick in picks]).float().to(self.device)
        true = torch.cat([examples[pick].true for pick in picks]).float().to(self.device)
        given, true = turned(given, true, random)
        loss = torch.sqrt((self.net(given) - true).square() + 1e-6).mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.iteration += 1
        keep = min(0.998, self.iteration / (self.iteration + 10))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        return float(loss.detach())

    def _fading(self) -> float:
        return max(0.05, 1 - self.iteration / self.options.total)

    @torch.no_grad()
    def measured(self, held: list[Example]) -> dict[str, float]:
        """Mean PSNR of held scenes: the splats' own mix and the net's."""
        kept = {"splat": [], "blend": []}  # type: dict[str, list[float]]
        for example in held:
            given, true = example.given.float(), example.true.float()
            mix = given[:, :3] + given[:, 8:9] * (given[:, 3:6] - given[:, :3])
            made = self.average(given.to(self.device)).cpu()
            for name, picture in (("splat", mix), ("blend", made)):
                kept[name].append(float(-10 * torch.log10((picture.clamp(0, 1) - true).square().mean())))
        return {name: round(sum(values) / len(values), 3) for name, values in kept.items()}

    def save(self) -> None:
        """Write what to go on from, the net to ship and its card."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
            "slice": self.slice,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        torch.save(state, out / "state.part")
        (out / "state.part").replace(out / "state.pt")
        half = {key: value.half().cpu().contiguous() for key, value in self.average.state_dict().items()}
        save_file(half, out / "impasto-blend.safetensors", {"iterations": str(self.iteration)})
        card.write(out / "impasto-blend.json", out / "impasto-blend.safetensors", self.facts(), self.curve)

    def facts(self) -> dict[str, object]:
        """What the card says of this training."""
        return {
            "id": "impasto-blend",
            "licence": "Apache-2.0",
            "made_by": "training/interpolation.py, from scratch",
            "trained_on": (
                f"layered scenes drawn by training/scenes.py over public-domain paintings and drawn textures, and "
                f"frames of our own renders {' and '.join(TRAINED_SHOTS)}; motion measured by {self.options.motion}"
            ),
            "iterations": self.iteration,
            "slices": self.slice + 1,
            "hours": round(self.seconds / 3600, 2),
            "device": str(self.device),
        }

    def resume(self) -> None:
        """Go on from `state.pt` where there is one."""
        path = self.options.out / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.iteration, self.slice = state["iteration"], state["slice"] + 1
        self.seconds, self.curve = state["seconds"], state["curve"]


def main(arguments: list[str] | None = None) -> None:
    """One slice: draw examples, train until the minutes are over, save."""
    options = asked(Options, __doc__, arguments)
    begun = time.monotonic()
    trainer = Trainer(options)
    trainer.resume()
    makers = Makers(options)
    held = [makers.scene(torch.Generator().manual_seed(90_000 + number)) for number in range(HELD)]
    examples = trainer.examples(makers)
    print({"examples": len(examples), "seconds": round(time.monotonic() - begun)}, flush=True)
    random = torch.Generator().manual_seed(7 + trainer.iteration)
    losses: list[float] = []
    mark = begun
    while time.monotonic() - begun < 60 * options.minutes and trainer.iteration < options.total:
        losses.append(trainer.step(examples, random))
        if trainer.iteration % 100 == 0:
            trainer.seconds += time.monotonic() - mark
            mark = time.monotonic()
            row = {
                "iteration": trainer.iteration,
                "loss": round(sum(losses) / len(losses), 5),
                **trainer.measured(held),
            }
            trainer.curve.append(row)
            losses.clear()
            print(row, flush=True)
        if trainer.iteration % 500 == 0:
            trainer.save()
    trainer.seconds += time.monotonic() - mark
    trainer.save()


if __name__ == "__main__":
    main()
