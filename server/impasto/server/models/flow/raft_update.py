"""The update operator of RAFT: what it saw and what it knows to a step of motion (Teed and Deng 2020, 3.3).

Modules are named as in the published princeton-vl checkpoints. The gates look at hidden state, context and motion
side by side; as the context is the same at every step, its share of them is computed once (`Gates`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impasto.server.models.flow.raft_encoder import Pointwise


class SmallMotionEncoder(nn.Module):
    """Correlation and motion to 82 channels, the last two the motion itself."""

    def __init__(self, correlations: int) -> None:
        super().__init__()
        self.convc1 = Pointwise(correlations, 96)
        self.convf1 = nn.Conv2d(2, 64, 7, padding=3)
        self.convf2 = nn.Conv2d(64, 32, 3, padding=1)
        self.conv = nn.Conv2d(128, 80, 3, padding=1)

    def forward(self, motion: Tensor, correlation: Tensor) -> Tensor:
        """(B, 82, H, W) from (B, 2, H, W) and (B, correlations, H, W)."""
        seen = F.relu_(self.convc1(correlation))
        moved = F.relu_(self.convf2(F.relu_(self.convf1(motion))))
        return torch.cat([F.relu_(self.conv(torch.cat([seen, moved], 1))), motion], 1)


class LargeMotionEncoder(nn.Module):
    """Correlation and motion to 128 channels, the last two the motion itself."""

    def __init__(self, correlations: int) -> None:
        super().__init__()
        self.convc1 = Pointwise(correlations, 256)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(256, 126, 3, padding=1)

    def forward(self, motion: Tensor, correlation: Tensor) -> Tensor:
        """(B, 128, H, W) from (B, 2, H, W) and (B, correlations, H, W)."""
        seen = F.relu_(self.convc2(F.relu_(self.convc1(correlation))))
        moved = F.relu_(self.convf2(F.relu_(self.convf1(motion))))
        return torch.cat([F.relu_(self.conv(torch.cat([seen, moved], 1))), motion], 1)


@dataclass(frozen=True)
class Gates:
    """The three convolutions of one gated recurrent unit, sorted by what they look at.

    Attributes:
        update_reset: weights of both gates for hidden state and motion.
        candidate: weights of the candidate for hidden state and motion.
        from_context: (B, 3 hidden, H, W) what the context adds to update, reset and candidate, biases included.
        padding: of all convolutions.
    """

    update_reset: Tensor
    candidate: Tensor
    from_context: Tensor
    padding: tuple[int, int]

    @classmethod
    def of(cls, update: nn.Conv2d, reset: nn.Conv2d, candidate: nn.Conv2d, context: Tensor) -> Gates:
        """Sort three convolutions over cat(hidden, context, motion) for one (B, C, H, W) context."""
        hidden, known = update.out_channels, context.shape[1]
        layers = (update, reset, candidate)
        padding = (update.kernel_size[0] // 2, update.kernel_size[1] // 2)
        weight = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.bias for layer in layers if layer.bias is not None])
        at_context = weight[:, hidden : hidden + known].contiguous(memory_format=torch.channels_last)
        rest = torch.cat([weight[:, :hidden], weight[:, hidden + known :]], 1)
        rest = rest.contiguous(memory_format=torch.channels_last)
        from_context = F.conv2d(context, at_context, bias, padding=padding)
        return cls(rest[: 2 * hidden], rest[2 * hidden :], from_context, padding)

    def step(self, hidden: Tensor, motion: Tensor) -> Tensor:
        """The next hidden state, h <- (1 - z) h + z q; both (B, ., H, W)."""
        width = hidden.shape[1]
        both = F.conv2d(torch.cat([hidden, motion], 1), self.update_reset, padding=self.padding)
        update, reset = both.add_(self.from_context[:, : 2 * width]).sigmoid_().split(width, 1)
        candidate = F.conv2d(torch.cat([reset * hidden, motion], 1), self.candidate, padding=self.padding)
        return torch.lerp(hidden, candidate.add_(self.from_context[:, 2 * width :]).tanh_(), update)


class ConvGRU(nn.Module):
    """One gated recurrent unit of 3x3 convolutions."""

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        self.convz = nn.Conv2d(hidden + inputs, hidden, 3, padding=1)
        self.convr = nn.Conv2d(hidden + inputs, hidden, 3, padding=1)
        self.convq = nn.Conv2d(hidden + inputs, hidden, 3, padding=1)

    def gates(self, context: Tensor) -> tuple[Gates, ...]:
        """The unit's gates, made ready for one (B, C, H, W) context."""
        return (Gates.of(self.convz, self.convr, self.convq, context),)


class SepConvGRU(nn.Module):
    """Two gated recurrent units in a row: 1x5 convolutions, then 5x1."""

    def __init__(self, hidden: int, inputs: int) -> None:
        super().__init__()
        both = hidden + inputs
        self.convz1 = nn.Conv2d(both, hidden, (1, 5), padding=(0, 2))
        self.convr1 = nn.Conv2d(both, hidden, (1, 5), padding=(0, 2))
        self.convq1 = nn.Conv2d(both, hidden, (1, 5), padding=(0, 2))
        self.convz2 = nn.Conv2d(both, hidden, (5, 1), padding=(2, 0))
        self.convr2 = nn.Conv2d(both, hidden, (5, 1), padding=(2, 0))
        self.convq2 = nn.Conv2d(both, hidden, (5, 1), padding=(2, 0))

    def gates(self, context: Tensor) -> tuple[Gates, ...]:
        """The units' gates in order, made ready for one (B, C, H, W) context."""
        first = Gates.of(self.convz1, self.convr1, self.convq1, context)
        return first, Gates.of(self.convz2, self.convr2, self.convq2, context)


class FlowHead(nn.Module):
    """Hidden state to a step of motion."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(hidden, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2, 3, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, 2, H, W) from (B, hidden, H, W)."""
        step: Tensor = self.conv2(F.relu_(self.conv1(hidden)))
        return step


class SmallUpdateBlock(nn.Module):
    """The update of RAFT small."""

    mask: nn.Sequential | None = None

    def __init__(self, correlations: int) -> None:
        super().__init__()
        self.encoder = SmallMotionEncoder(correlations)
        self.gru = ConvGRU(96, 64 + 82)
        self.flow_head = FlowHead(96, 128)


class LargeUpdateBlock(nn.Module):
    """The update of RAFT large, with the mask of its upsampling."""

    def __init__(self, correlations: int) -> None:
        super().__init__()
        self.encoder = LargeMotionEncoder(correlations)
        self.gru = SepConvGRU(128, 128 + 128)
        self.flow_head = FlowHead(128, 256)
        self.mask = nn.Sequential(nn.Conv2d(128, 256, 3, padding=1), nn.ReLU(), Pointwise(256, 64 * 9))
