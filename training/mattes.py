"""Trains `impasto-mattes`, the net that weighs signs of hiding, on pairs drawn by numbers alone.

    python training/mattes.py --assets ASSETS --out DIR --pairs 600 --minutes 45

Makes the pairs that `DIR/pairs` lacks (see `pairs`; some three CPU seconds each, `--minutes 0` does only that), keeps
the signs of each in `DIR/signs`, and trains on all that are there until the minutes are over. Goes on from
`DIR/state.pt`; pairs made meanwhile are taken up. It writes `impasto-mattes.safetensors` and its card. The first
`HELD` pairs are never trained on; what the card's curve measures is measured on them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import card
import numpy as np
import pairs
import torch
from asked import asked
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from impasto.server.models.mattes.matte_net import SEEN, MatteNet
from impasto.server.shots.mattes import mattes
from impasto.server.shots.signs import VECTORS, Signs, outside, weighed

HELD = 24
"""Pairs kept for measuring: those of the lowest numbers."""
HISTORY = (
    "Not one run from scratch: up to iteration 2,600 the soft F1 was weighed .5; the cosine of the learning rate was "
    "stretched at iterations 2,400 and 2,600 and ended sooner from 3,400 on; some 135 of the pairs were drawn with "
    "faster motion than stages.py draws now, and facets was that of version 2."
)
"""How the bundled weights came to be, beyond what `WEIGHTS` says."""
_OUTSIDE = 0.25
"""What a pixel that leaves the picture counts: rules know it better."""


@dataclass(frozen=True)
class Options:
    """What is asked for on the command line."""

    assets: Path
    out: Path
    pairs: int = 600
    minutes: float = 45.0
    batch: int = 8
    side: int = 128
    rate: float = 2e-3
    total: int = 6000


class Kept:
    """Signs and truth of pairs, on disk as half floats: (SEEN + 3, H, W) a direction, the last three being 1 where
    hidden, 1 where the motion errs by less than a pixel, and what the pixel counts."""

    def __init__(self, folder: Path, drawn: Path) -> None:
        self._folder, self._drawn = folder, drawn
        folder.mkdir(parents=True, exist_ok=True)
        self.held: list[NDArray[np.float16]] = []
        self.trained: list[NDArray[np.float16]] = []
        self._known: set[str] = set()

    def look(self) -> None:
        """Take up what has been drawn since."""
        for path in sorted(self._drawn.glob("*.safetensors")):
            if path.name in self._known:
                continue
            self._known.add(path.name)
            held = int(path.name.split(".")[0]) < HELD
            for way in (0, 1):
                (self.held if held else self.trained).append(self._signs(path, way))

    def _signs(self, path: Path, way: int) -> NDArray[np.float16]:
        kept = self._folder / f"{path.stem}.{way}.npy"
        if not kept.exists():
            with (self._folder / "part").open("wb") as file:
                np.save(file, known(pairs.KnownPair.load(path), way).half().numpy())
            (self._folder / "part").replace(kept)
        return np.load(kept, mmap_mode="r")  # type: ignore[no-any-return]


@torch.no_grad()
def known(pair: pairs.KnownPair, way: int) -> Tensor:
    """Signs and truth of one direction of a pair, see `Kept`."""
    pictures, motions = (pair.first, pair.second), (pair.forward, pair.backward)
    true, hidden = ((pair.true_forward, pair.hidden_first), (pair.true_backward, pair.hidden_second))[way]
    here, there, out, home = pictures[way], pictures[1 - way], motions[way], motions[1 - way]
    ruled = mattes(here, there, out, home)
    signs = weighed(Signs.of(here, there, out, home), torch.cat([ruled.occlusion, ruled.confidence], 1))
    close = ((out - true).square().sum(1, keepdim=True) < 1).float()
    counts = torch.where(outside(true) > 0, _OUTSIDE, 1.0)
    return torch.cat([signs.float(), hidden, close, counts], 1)[0]


def turned(crops: Tensor, random: torch.Generator) -> Tensor:
    """A batch of `Kept`'s crops mirrored and turned at random, their vectors with them, and lit differently."""
    flip_x, flip_y, swap = (torch.rand(3, generator=random) < 0.5).tolist()
    crops = crops.clone()
    if flip_x:
        crops = crops.flip(-1)
        crops[:, [x for x, _ in VECTORS]] *= -1
    if flip_y:
        crops = crops.flip(-2)
        crops[:, [y for _, y in VECTORS]] *= -1
    if swap:
        crops = crops.transpose(-2, -1).clone()
        order = list(range(crops.shape[1]))
        for x, y in VECTORS:
            order[x], order[y] = y, x
        crops = crops[:, order]
    crops[:, :2] *= 0.7 + 0.6 * torch.rand(len(crops), 1, 1, 1, generator=random)
    return crops


def losses(said: Tensor, hidden: Tensor, close: Tensor, counts: Tensor) -> dict[str, Tensor]:
    """What is made small: cross entropy and one minus a soft F1 of hiding, slopes of the matte, and trust."""
    matte = torch.sigmoid(said[:, :1])
    shares = counts / counts.mean()
    entropy = (F.binary_cross_entropy_with_logits(said[:, :1], hidden, reduction="none") * shares).mean()
    hit = (matte * hidden * counts).sum()
    score = 2 * hit / ((matte * counts).sum() + (hidden * counts).sum() + 1)
    slopes = sum(((matte - hidden).diff(dim=axis) * counts.narrow(axis, 1, counts.shape[axis] - 1)).abs().mean()
                 for axis in (-1, -2))  # fmt: skip
    trust = F.binary_cross_entropy_with_logits(said[:, 1:], close)
    return {"entropy": entropy, "f1": 1 - score, "slopes": torch.as_tensor(slopes), "trust": trust}


WEIGHTS = {"entropy": 1.0, "f1": 1.5, "slopes": 0.2, "trust": 0.3}


class Trainer:
    """The net, its slow average, and how far they are."""

    def __init__(self, options: Options) -> None:
        self.options = options
        torch.manual_seed(11)
        self.net, self.average = MatteNet(), MatteNet()
        self.average.load_state_dict(self.net.state_dict())
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=options.rate, weight_decay=1e-4)
        self.iteration, self.seconds = 0, 0.0
        self.curve: list[dict[str, float]] = []

    def step(self, kept: list[NDArray[np.float16]], random: torch.Generator) -> float:
        """One step; gives its loss."""
        fading = max(0.02, 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, self.iteration / self.options.total))))
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.rate * min(1.0, (self.iteration + 1) / 100) * fading
        crops = turned(torch.stack([self._crop(kept, random) for _ in range(self.options.batch)]), random)
        signs, hidden, close, counts = crops.split([SEEN, 1, 1, 1], 1)
        found = losses(self.net(signs.contiguous(memory_format=torch.channels_last)), hidden, close, counts)
        loss = sum(WEIGHTS[name] * value for name, value in found.items())
        assert isinstance(loss, Tensor)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.iteration += 1
        keep = min(0.998, self.iteration / (self.iteration + 10))
        with torch.no_grad():
            for slow, fast in zip(self.average.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        return float(loss.detach())

    def _crop(self, kept: list[NDArray[np.float16]], random: torch.Generator) -> Tensor:
        """A square of some pair; of two the one with more to be learned from."""
        best, most = torch.empty(0), -1.0
        for _ in range(2):
            whole, side = kept[int(torch.randint(len(kept), (), generator=random))], self.options.side
            top, left = (int(torch.randint(size - side + 1, (), generator=random)) for size in whole.shape[-2:])
            cut = torch.from_numpy(whole[:, top : top + side, left : left + side].astype(np.float32))
            hidden = float((cut[SEEN] * cut[SEEN + 2]).mean())
            if hidden > most:
                best, most = cut, hidden
        return best

    @torch.no_grad()
    def measured(self, kept: list[NDArray[np.float16]]) -> dict[str, float]:
        """F1 of hiding within the frame and area under the curve of trust, of the rules and the net, on held pairs."""
        counts, trusts = {"rules": [0, 0, 0], "net": [0, 0, 0]}, {"rules": [], "net": []}  # type: ignore[var-annotated]
        close = []
        for whole in kept:
            signs = torch.from_numpy(whole[None, :SEEN].astype(np.float32))
            said = torch.sigmoid(self.average(signs))[0]
            hidden, near, weight = torch.from_numpy(whole[SEEN:].astype(np.float32))
            within = weight > 0.5
            close.append(near[within][::7])
            for name, (matte, trust) in (("rules", signs[0, -2:]), ("net", said)):
                found, real = (matte > 0.5) & within, (hidden > 0.5) & within
                for place, value in enumerate((found & real, found & ~real, ~found & real)):
                    counts[name][place] += int(value.sum())
                trusts[name].append(trust[within][::7])
        row = {f"f1 {name}": round(2 * a / max(2 * a + b + c, 1), 4) for name, (a, b, c) in counts.items()}
        near = torch.cat(close) > 0.5
        return row | {f"auc {name}": round(area(torch.cat(values), near), 4) for name, values in trusts.items()}

    def save(self, seen: int) -> None:
        """Write what to go on from, the net to ship and its card; `seen` pictures were there to learn from."""
        out = self.options.out
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
            "seconds": self.seconds,
            "curve": self.curve,
        }
        torch.save(state, out / "state.part")
        (out / "state.part").replace(out / "state.pt")
        half = {key: value.half().contiguous() for key, value in self.average.state_dict().items()}
        save_file(half, out / "impasto-mattes.safetensors", {"iterations": str(self.iteration)})
        card.write(out / "impasto-mattes.json", out / "impasto-mattes.safetensors", self.facts(seen), self.curve)

    def facts(self, seen: int) -> dict[str, object]:
        """What the card says of this training."""
        return {
            "id": "impasto-mattes",
            "licence": "Apache-2.0",
            "made_by": "training/mattes.py",
            "history": HISTORY,
            "trained_on": (
                "stages and layered scenes drawn by training/staging.py and training/scenes.py, over public-domain "
                f"paintings and drawn textures, {seen} pictures of {pairs.WIDTH}x{pairs.HEIGHT}; motion measured by "
                "facets, dis and RAFT small, or true and made to tremble"
            ),
            "iterations": self.iteration,
            "hours": round(self.seconds / 3600, 2),
            "device": "cpu",
        }

    def resume(self) -> None:
        """Go on from `state.pt` where there is one."""
        path = self.options.out / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.iteration, self.seconds, self.curve = state["iteration"], state["seconds"], state["curve"]


def area(scores: Tensor, good: Tensor) -> float:
    """Area under the receiver's curve: how often a good one scores above a bad one, ties counting half."""
    order = scores.double().sort().values
    below = torch.searchsorted(order, scores.double())
    upto = torch.searchsorted(order, scores.double(), right=True)
    ranks = (below + upto).double() / 2 + 0.5
    many, few = int(good.sum()), int((~good).sum())
    if not many or not few:
        return 1.0
    return float((ranks[good].sum() - many * (many + 1) / 2) / (many * few))


def main(arguments: list[str] | None = None) -> None:
    """Draw what is missing, train until the minutes are over, save."""
    options = asked(Options, __doc__, arguments)
    drawn = options.out / "pairs"
    with torch.no_grad():
        pairs.fill(drawn, options.assets, options.pairs)
    begun = mark = time.monotonic()
    if options.minutes <= 0:
        return
    trainer, kept = Trainer(options), Kept(options.out / "signs", drawn)
    trainer.resume()
    kept.look()
    random = torch.Generator().manual_seed(7 + trainer.iteration)
    lost: list[float] = []
    while time.monotonic() - begun < 60 * options.minutes and trainer.iteration < options.total:
        lost.append(trainer.step(kept.trained, random))
        if trainer.iteration % 200 == 0 or trainer.iteration == options.total:
            trainer.seconds, mark = trainer.seconds + time.monotonic() - mark, time.monotonic()
            row = {"iteration": trainer.iteration, "loss": round(sum(lost) / len(lost), 5)}
            trainer.curve.append(row | trainer.measured(kept.held))
            lost.clear()
            print(trainer.curve[-1], len(kept.trained), round(trainer.seconds), flush=True)
            trainer.save(len(kept.trained))
            kept.look()
    trainer.seconds += time.monotonic() - mark
    trainer.save(len(kept.trained))


if __name__ == "__main__":
    main()
