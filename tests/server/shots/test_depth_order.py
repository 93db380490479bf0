import torch

from impasto.server.shots.depth_order import Nearness
from impasto.server.shots.mattes import DEPTH, HIDDEN, mattes

HEIGHT, WIDTH, SPEED = 48, 96, 6
NOISE = torch.rand(2, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(9)) * 0.3


def scene(near_of_square=0.0):
    """A square of 20 moves right over ground, its motion known but for noise; nearness of both pictures."""
    ground = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3)) * 0.5
    face = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(4)) * 0.5 + 0.5
    pictures, motions, near = [], [], []
    for start, way in ((30, SPEED), (30 + SPEED, -SPEED)):
        picture, motion, depth = (
            ground.clone(),
            torch.zeros(1, 2, HEIGHT, WIDTH),
            torch.full((1, 1, HEIGHT, WIDTH), -1.0),
        )
        picture[..., 14:34, start : start + 20] = face
        motion[:, 0, 14:34, start : start + 20] = way
        depth[..., 14:34, start : start + 20] = near_of_square
        pictures.append(picture)
        motions.append(motion + NOISE[len(motions)])
        near.append(depth)
    truth = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    truth[..., 14:34, 50 : 50 + SPEED] = True
    return (*pictures, *motions), Nearness(*near, (0.02, 0.08)), truth


def test_what_goes_behind_something_nearer_is_hidden_by_depth():
    pair, near, truth = scene()
    found = mattes(*pair, near)
    assert ((found.occlusion > 0.5) & truth).sum() > 0.9 * truth.sum()
    assert ((found.occlusion > 0.5) & ~truth)[..., 1:-1, 1:-1].sum() < 0.2 * truth.sum()
    assert DEPTH in found.cause[truth]


def test_motion_that_was_lost_is_known_by_its_surface():
    (first, second, out, home), near, truth = scene()
    out = torch.where(truth, out + 11, out)  # what is hidden has no motion that could be measured
    found = mattes(first, second, out, home, near)
    assert ((found.occlusion > 0.5) & truth).sum() > 0.9 * truth.sum()


def test_depth_of_the_wrong_direction_says_nothing():
    pair, near, _ = scene(near_of_square=-2.0)
    assert torch.equal(mattes(*pair, near).occlusion, mattes(*pair).occlusion)
    assert HIDDEN in mattes(*pair, near).cause


def test_pictures_of_one_depth_and_of_a_few_pixels_are_judged():
    for height, width in ((1, 1), (2, 2), (8, 8), (1, 40)):
        picture, motion = torch.rand(1, 3, height, width), torch.full((1, 2, height, width), 0.7)
        flat = torch.zeros(1, 1, height, width)
        found = mattes(picture, picture, motion, motion, Nearness(flat, flat, (0.02, 0.08)))
        assert torch.isfinite(found.occlusion).all()
