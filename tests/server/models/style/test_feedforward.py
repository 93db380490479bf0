from dataclasses import replace

import torch
from torch import nn

from impasto.server.models.style.canvas import Canvas
from impasto.server.models.style.feedforward import FeedForwardPainter

SIZE = (1, 1, 256, 384)


class Net(nn.Module):
    """Looks two pixels around; counts the pixels it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 5, padding=2, padding_mode="reflect")
        self.norm = nn.InstanceNorm2d(3, affine=True)
        self.seen = 0

    def forward(self, x):
        self.seen += x.shape[-1] * x.shape[-2]
        return self.norm(self.conv(x))


def painter():
    torch.manual_seed(1)
    net = Net().eval().requires_grad_(False)
    made = FeedForwardPainter(net, stride=4, smallest=16, reach=4).prepare([torch.rand(1, 3, 128, 128)])
    made._painting(torch.rand(1, 3, 16, 16))
    return made


def newborn():
    where = torch.zeros(SIZE, dtype=torch.bool)
    where[..., 200:, 300:310] = True
    where[..., 10, 10] = True
    return where


def test_what_is_newborn_is_painted_as_in_the_whole():
    own, content, where = painter(), torch.rand(1, 3, 256, 384), newborn()
    whole, part = own.paint(content), own.paint(content, where=where)
    assert torch.allclose(part[:, :, where[0, 0]], whole[:, :, where[0, 0]], atol=1e-5)


def test_little_newborn_paint_is_little_work():
    own, seen = painter(), []
    own.__dict__["_painting"] = lambda x: seen.append(x.shape[-1] * x.shape[-2]) or x[:, :3]
    own.paint(torch.rand(1, 3, 256, 384), where=newborn())
    assert sum(seen) < 256 * 384 / 4


def test_without_frozen_statistics_the_whole_is_painted():
    own = replace(painter(), moments=None)
    content = torch.rand(1, 3, 256, 384)
    assert torch.equal(own.paint(content, where=newborn()), own.paint(content))


def test_a_canvas_paints_what_is_newborn_as_in_the_whole():
    own, content, where = Canvas(painter(), 128), torch.rand(1, 3, 256, 384), newborn()
    whole, part = own.paint(content), own.paint(content, where=where)
    assert torch.allclose(part[:, :, where[0, 0]], whole[:, :, where[0, 0]], atol=1e-5)
