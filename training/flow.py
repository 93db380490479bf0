"""Trains RAFT small on layered scenes with exact motion, and beside it a head that says how far to trust each vector.

    python training/flow.py --assets ASSETS --out DIR --minutes 60 [--device cuda] [--side 352] [--batch 8]

Goes on from `DIR/state.pt`; makes its data as it goes, on the device. Writes `impasto-flow.safetensors` under the
published keys of princeton-vl's RAFT small, `impasto-flow-confidence.safetensors`, and a card. Losses: the sequence
loss of Teed and Deng (ECCV 2020), for the head a mixture of two Laplace distributions (Wang et al., "SEA-RAFT", ECCV
2024). A net of use needs a GPU; on a CPU this checks the trainer and no more. The card says how far from truth the net
is on scenes it never saw, beside `dis`; ship it only where it is nearer.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import card
import torch
from asked import asked
from data import drawn, read, resized, unseen
from safetensors.torch import save_file
from scenes import Scene, Scenes, grain
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models import catalogue
from impasto.server.models.flow.raft import STRIDE, Raft
from impasto.server.models.flow.raft_estimator import RaftEstimator
from impasto.server.ops.correlation import correlation

KEPT = 0.8
"""What a prediction counts beside the one after it."""
MOST = 400.0
"""Pixels; longer motion is not learned from."""
HELD = 12
"""Scenes kept for measuring."""


@dataclass(frozen=True)
class Options:
    """What is asked for on the command line."""

    assets: Path
    out: Path
    minutes: float = 60.0
    device: str = "cpu"
    side: int = 256
    batch: int = 4
    updates: int = 8
    rate: float = 4e-4
    total: int = 20_000
    fastest: float = 80.0
    save_every: int = 200


class ConfidenceHead(nn.Module):
    """Hidden state of the last update to a mixture of two Laplace distributions of the error, cell by cell."""

    def __init__(self, hidden: int = 96) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(hidden, 64, 3, padding=1)
        self.conv2 = nn.Conv2d(64, 4, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, 96, h, w) to (B, 4, h, w): two logits of the weights, two logarithms of scales in pixels."""
        said: Tensor = self.conv2(F.relu(self.conv1(hidden)))
        return said

    @staticmethod
    def confidence(said: Tensor) -> Tensor:
        """How likely the vector is right to a pixel, (B, 1, h, w) 0..1."""
        weights, scales = said[:, :2].softmax(1), said[:, 2:].clamp(-5, 7).exp()
        return (weights * (1 - torch.exp(-1 / scales))).sum(1, keepdim=True)


def predictions(net: Raft, first: Tensor, second: Tensor, updates: int) -> tuple[list[Tensor], Tensor]:
    """Motion after every update, (1, 2, H, W) pixels each, with gradients; and the last hidden state.

    What `Raft.forward` does, but no step's gradient goes back through the places looked at.

    Args:
        net: RAFT small.
        first: (1, 3, H, W) in -1..1, sides multiples of 8 and 128 at least.
        second: likewise.
        updates: steps.
    """
    block = net.update_block
    seen = net.features(first), net.features(second)
    look = correlation(*seen, net.radius, "volume")
    context = net.cnet(first)
    hidden, known = torch.tanh(context[:, : net.hidden]), F.relu(context[:, net.hidden :])
    gates = block.gru.gates(known)
    height, width = seen[0].shape[-2:]
    rows = torch.arange(height, dtype=torch.float32, device=first.device)
    columns = torch.arange(width, dtype=torch.float32, device=first.device)
    here = torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])[None]
    motion, made = torch.zeros_like(here), []
    for _ in range(updates):
        motion = motion.detach()
        encoded = block.encoder(motion, look(here + motion))
        for gate in gates:
            hidden = gate.step(hidden, encoded)
        motion = motion + block.flow_head(hidden)
        size = height * STRIDE, width * STRIDE
        made.append(STRIDE * F.interpolate(motion, size, mode="bilinear", align_corners=True))
    return made, hidden


class InstanceNorm(nn.Module):
    """Instance normalisation without weights, PyTorch's own."""

    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x)


def trainable(net: Raft) -> Raft:
    """The net with PyTorch's own instance normalisation in place of the product's, through which no gradient goes."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if type(child).__name__ == "_InstanceNorm":
                setattr(module, name, InstanceNorm())
    return net


def sequence_loss(made: list[Tensor], true: Tensor) -> Tensor:
    """Weighted distance of every prediction, the later the more."""
    valid = (true.square().sum(1, keepdim=True) < MOST**2).float()
    parts = [KEPT ** (len(made) - 1 - place) * (each - true).abs() * valid for place, each in enumerate(made)]
    return torch.stack([part.mean() for part in parts]).sum()


def trust_loss(said: Tensor, motion: Tensor, true: Tensor) -> Tensor:
    """Negative logarithm of how likely the head held the error of the last prediction to be."""
    error = F.avg_pool2d((motion.detach() - true).square().sum(1, keepdim=True).sqrt().clamp_max(MOST), STRIDE)
    weights, scales = said[:, :2].log_softmax(1), said[:, 2:].clamp(-5, 7)
    return -torch.logsumexp(weights - scales - math.log(2) - error / scales.exp(), 1).mean()


def shown(scene: Scene, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two pictures (1, 3, H, W) 0..1 of a scene as a camera would have taken them."""

    def number(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=random))

    shutter = number(0, 0.5) if number(0, 1) < 0.3 else 0.0
    pictures = [scene.picture(moment, shutter) for moment in (0.0, 1.0)]
    gains = [number(0.8, 1.2)] * 2 if number(0, 1) < 0.8 else [number(0.8, 1.2), number(0.8, 1.2)]
    bent = number(0.8, 1.25)
    pictures = [(each * gain).clamp(1e-4, 1) ** bent for each, gain in zip(pictures, gains, strict=True)]
    a, b = grain(torch.stack(pictures), random, 0.04)[:, None]
    if number(0, 1) < 0.4:  # something in the way in the second picture alone
        height, width = b.shape[-2:]
        top, left = int(number(0, height * 0.8)), int(number(0, width * 0.8))
        b[..., top : top + height // 6, left : left + width // 6] = b.mean((-2, -1), keepdim=True)
    return a.clamp(0, 1), b.clamp(0, 1)


class Trainer:
    """The net, its head, their slow averages, and how far they are."""

    def __init__(self, options: Options) -> None:
        self.options, self.device = options, torch.device(options.device)
        torch.manual_seed(23)
        self.net, self.head = trainable(Raft("small")).to(self.device), ConfidenceHead().to(self.device)
        self.average = Raft("small").to(self.device)
        self.average.load_state_dict(self.net.state_dict())
        both = [*self.net.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(both, lr=options.rate, weight_decay=1e-4)
        self.iteration, self.seconds = 0, 0.0
        self.curve: list[dict[str, float]] = []
        self.scenes = Scenes(textures(options, self.device), options.side, options.side, options.fastest)

    def step(self) -> dict[str, float]:
        """One step over a batch, scene by scene; gives its losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.rate * rate_at(self.iteration, self.options.total)
        random = torch.Generator().manual_seed(10_000 + self.iteration)
        self.optimizer.zero_grad()
        sums = {"motion": 0.0, "trust": 0.0, "error": 0.0}
        for _ in range(self.options.batch):
            scene = self.scenes.draw(random)
            a, b = shown(scene, random)
            true = scene.motion(0.0, 1.0)[0][None]
            made, hidden = predictions(self.net, 2 * a - 1, 2 * b - 1, self.options.updates)
            losses = sequence_loss(made, true), trust_loss(self.head(hidden.detach()), made[-1], true)
            ((losses[0] + losses[1]) / self.options.batch).backward()
            error = (made[-1].detach() - true).square().sum(1).sqrt().mean()
            for name, value in zip(sums, (*losses, error), strict=True):
                sums[name] += float(value.detach()) / self.options.batch
        torch.nn.utils.clip_grad_norm_([*self.net.parameters(), *self.head.parameters()], 1.0)
        self.optimizer.step()
        self.iteration += 1
        keep = min(0.999, self.iteration / (self.iteration + 10))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        return sums

    def measured(self) -> dict[str, float]:
        """Mean end-point error over what is visible, on scenes never trained on: the net's, and `dis`."""
        ours = RaftEstimator(Raft("small"), settled=0.0, polish=False)
        ours._net.load_state_dict(self.average.cpu().state_dict())
        ours._net.eval()
        self.average.to(self.device)
        peers = {"impasto-flow": ours, "dis": catalogue.find("dis", "flow").build()}
        errors: dict[str, list[float]] = {name: [] for name in peers}
        scenes = Scenes(textures(self.options, torch.device("cpu")), self.options.side, self.options.side, 40.0)
        for number in range(HELD):
            random = torch.Generator().manual_seed(900_000 + number)
            scene = scenes.draw(random)
            a, b = shown(scene, random)
            true, hidden, _ = scene.motion(0.0, 1.0)
            for name, peer in peers.items():
                error = (peer(a, b)[0] - true).square().sum(0).sqrt()
                errors[name].append(float(error[hidden[0] < 0.5].mean()))
        return {name: round(sum(values) / len(values), 3) for name, values in errors.items()}

    def save(self, measure: bool = False) -> None:
        """Write what to go on from, the nets, and at the end of a slice the card."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        state = {
            "net": self.net.state_dict(),
            "head": self.head.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        torch.save(state, out / "state.part")
        (out / "state.part").replace(out / "state.pt")
        for name, module in (("impasto-flow", self.average), ("impasto-flow-confidence", self.head)):
            half = {key: value.half().cpu().contiguous() for key, value in module.state_dict().items()}
            save_file(half, out / f"{name}.safetensors", {"iterations": str(self.iteration)})
        if measure:
            facts = {
                "id": "impasto-flow",
                "licence": "Apache-2.0",
                "made_by": "training/flow.py, from scratch",
                "trained_on": "layered scenes of training/scenes.py over public-domain paintings and drawn textures",
                "iterations": self.iteration,
                "hours": round(self.seconds / 3600, 2),
                "device": str(self.device),
                "error_on_unseen_scenes_in_pixels": self.measured(),
            }
            card.write(out / "impasto-flow.json", out / "impasto-flow.safetensors", facts, self.curve)

    def resume(self) -> None:
        """Go on from `state.pt` where there is one."""
        path = self.options.out / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        for name in ("net", "head", "average", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.iteration, self.seconds, self.curve = state["iteration"], state["seconds"], state["curve"]


def textures(options: Options, device: torch.device) -> list[Tensor]:
    """Paintings that may be trained on, and as many drawn pictures."""
    folder = options.assets / "pictures"
    held = set(unseen(folder / "masters"))
    paths = [path for path in sorted((folder / "masters").glob("*.jpg")) if path not in held]
    paths += sorted((folder / "monet").glob("*.jpg"))[::3]
    random = torch.Generator().manual_seed(5)
    pictures = [resized(read(path), 320) for path in paths]
    return [each.to(device) for each in pictures + [drawn(256, 256, random) for _ in range(max(8, len(pictures)))]]


def rate_at(iteration: int, total: int) -> float:
    """Part of the largest rate: up over a twentieth of the training, then down to nothing."""
    begin = max(1, total // 20)
    return (iteration + 1) / begin if iteration < begin else max(1e-3, (total - iteration) / max(1, total - begin))


def main(arguments: list[str] | None = None) -> None:
    """One slice: train until the minutes are over, measure, save."""
    options = asked(Options, __doc__, arguments)
    trainer = Trainer(options)
    trainer.resume()
    begun = mark = time.monotonic()
    while time.monotonic() - begun < 60 * options.minutes and trainer.iteration < options.total:
        row = trainer.step()
        trainer.seconds += time.monotonic() - mark
        mark = time.monotonic()
        if trainer.iteration % 10 == 0:
            trainer.curve.append({"iteration": trainer.iteration, **{k: round(v, 4) for k, v in row.items()}})
            print(trainer.curve[-1], flush=True)
        if trainer.iteration % options.save_every == 0:
            trainer.save()
    trainer.save(measure=True)


if __name__ == "__main__":
    main()
