import torch

from impasto.server.shots.provenance import identity
from impasto.server.shots.recall import Recall


def test_a_plate_comes_back_where_the_paint_is_now_and_0_where_there_is_none():
    plates = {frame: torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(frame)) for frame in (3, 4)}
    alive = torch.ones(1, 1, 6, 8, dtype=torch.bool)
    alive[..., :2] = False
    here = identity(3, alive)
    here.born[..., 5:] = 4
    here.x[..., 5:] -= 1
    found = Recall(plates.__getitem__, 6, 8, 2)(here)
    assert torch.equal(found[..., 2:5], plates[3][..., 2:5])
    assert torch.equal(found[..., 5:], plates[4][..., 4:7])
    assert not found[..., :2].any()


def test_plates_are_read_once_while_they_are_held():
    read = []

    def base(frame):
        read.append(frame)
        return torch.zeros(1, 3, 4, 4)

    recall = Recall(base, 4, 4, 19)
    alive = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    for frame in (1, 2, 1, 2, *range(3, 20), 1):
        recall(identity(frame, alive))
    assert read == list(range(1, 20))
