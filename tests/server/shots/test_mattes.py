import sys
from pathlib import Path

import torch

from impasto.server.models.flow.dis import MODEL as DIS
from impasto.server.models.mattes.impasto_mattes import judge
from impasto.server.ops.warp import warp
from impasto.server.shots.mattes import HIDDEN, INCONSISTENT, NO_NEIGHBOUR, OUTSIDE, PHOTOMETRIC, mattes, nobody_there
from impasto.server.shots.signs import disagreement, outside

HEIGHT, WIDTH, SPEED = 32, 64, 6


def scene():
    """A square of 12 moves right over still ground: pictures and exact motion both ways."""
    ground = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3)) * 0.5
    face = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(4)) * 0.5 + 0.5
    pictures, motions = [], []
    for start, way in ((20, SPEED), (20 + SPEED, -SPEED)):
        picture, motion = ground.clone(), torch.zeros(1, 2, HEIGHT, WIDTH)
        picture[..., 10:22, start : start + 12] = face
        motion[:, 0, 10:22, start : start + 12] = way
        pictures.append(picture)
        motions.append(motion)
    return *pictures, *motions


def test_ground_that_is_run_over_is_hidden_and_nothing_else_is():
    first, second, forward, backward = scene()
    found = mattes(first, second, forward, backward)
    truth = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    truth[..., 10:22, 32 : 32 + SPEED] = True
    assert ((found.occlusion > 0.5) & truth).sum() > 0.8 * truth.sum()
    assert ((found.occlusion > 0.5) & ~truth).sum() < 0.2 * truth.sum()
    assert HIDDEN in found.cause[truth]
    assert found.confidence[..., 13:19, 24:28].min() == 1


def plain_check(out, home):
    return disagreement(out, warp(home, out)) > 1


def test_exact_motion_is_judged_by_the_plain_check_alone():
    first, second, forward, backward = scene()
    found = mattes(first, second, forward, backward)
    plain = plain_check(forward, backward)
    assert torch.equal(found.occlusion > 0.5, plain)
    assert (found.cause[plain] == HIDDEN).all()
    rough = torch.rand(1, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(5)) * 0.4
    doubted = mattes(first, second, forward + rough, backward + rough)
    assert not torch.equal(doubted.occlusion > 0.5, plain_check(forward + rough, backward + rough))


def noise(size, seed):
    return torch.rand(1, 2, *size, generator=torch.Generator().manual_seed(seed)) * 0.3 - 0.15


def test_vectors_gone_astray_amid_one_motion_hide_nothing():
    size = (96, 160)
    picture = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    out, home = torch.zeros(1, 2, *size) + noise(size, 2), torch.zeros(1, 2, *size) + noise(size, 3)
    strays = torch.rand(1, 2, 40, 40, generator=torch.Generator().manual_seed(4)) * 8 - 4
    out[..., 30:70, 60:100] += strays
    home[..., 30:70, 60:100] -= strays.flip(-1)
    found = mattes(picture, picture, out, home)
    assert (found.occlusion[..., 2:-2, 2:-2] > 0.5).float().mean() < 0.002
    assert found.confidence[..., 40:60, 70:90].mean() < 0.3


def test_a_band_as_wide_as_motion_is_long_is_hidden_whole():
    size, way = (120, 320), 80
    ground = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(3)) * 0.5
    face = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(4)) * 0.5 + 0.5
    pictures, motions = [], []
    for start, step in ((20, way), (20 + way, -way)):
        picture, motion = ground.clone(), torch.zeros(1, 2, *size)
        picture[..., 10:110, start : start + 120] = face[..., 10:110, 20:140]
        motion[:, 0, 10:110, start : start + 120] = step
        pictures.append(picture)
        motions.append(motion + noise(size, start))
    found = mattes(*pictures, *motions)
    assert (found.occlusion[..., 12:108, 142:218] > 0.5).float().mean() > 0.95


def test_what_leaves_the_picture_is_outside():
    picture = torch.rand(1, 3, 16, 24)
    out = torch.zeros(1, 2, 16, 24)
    out[:, 0] = 5.0
    found = mattes(picture, warp(picture, -out), out, -out)
    assert (found.cause[..., -5:] == OUTSIDE).all()
    assert (found.cause[..., :-5] == 0).all()
    assert found.confidence[..., -4:].max() < 0.1


def test_motion_that_is_wrong_on_both_sides_loses_confidence_without_being_hidden():
    picture = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    wrong = torch.zeros(1, 2, 32, 48)
    wrong[:, 1, 8:24, 8:40] = 2.0
    found = mattes(picture, picture, wrong, wrong)
    assert (found.cause[..., 12:18, 12:36] != INCONSISTENT).all()
    assert found.confidence[..., 12:18, 12:36].max() < 0.05


def test_a_change_of_light_is_not_hiding():
    picture = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(1)) * 0.5
    still = torch.zeros(1, 2, 32, 48)
    assert mattes(picture, picture * 1.6, still, still).occlusion.max() == 0


def test_mattes_are_half_floats_and_confidence_leaves_room_for_occlusion():
    found = mattes(*scene())
    for matte in (found.occlusion, found.confidence, found.cause):
        assert torch.equal(matte, matte.half().float())
    assert (found.confidence <= 1 - found.occlusion + 1e-3).all()


def test_where_nobody_is_all_is_occluded():
    found = nobody_there(4, 5)
    assert found.occlusion.min() == 1
    assert found.confidence.max() == 0
    assert (found.cause == NO_NEIGHBOUR).all()


def test_pictures_of_a_few_pixels_have_mattes():
    for height, width in ((1, 1), (2, 2), (3, 3), (8, 8), (1, 40)):
        picture, motion = torch.rand(1, 3, height, width), torch.full((1, 2, height, width), 0.7)
        found = mattes(picture, picture, motion, motion)
        assert torch.isfinite(found.occlusion).all()
        assert found.occlusion.shape == (1, 1, height, width)


sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "training"))


def drawn_pairs(count):
    """Stages that no net has seen: pictures, motion as `dis` measures it, and what is hidden
    within the picture."""
    import data
    import staging

    textures = [data.drawn(128, 128, torch.Generator().manual_seed(seed)) for seed in range(12)]
    drawer = staging.Stages(textures, 96, 160, 12.0)
    for seed in range(count):
        stage = drawer.draw(torch.Generator().manual_seed(900_000 + seed))
        first, second = (stage.picture(moment)[None] for moment in (0.0, 1.0))
        true, hidden, _ = stage.motion(0.0, 1.0)
        yield first, second, *DIS.build().both(first, second), hidden[None] > 0.5, outside(true[None]) == 0


def f1(pairs):
    hit, total = 0.0, 0.0
    for found, true in pairs:
        hit, total = hit + 2 * float((found & true).sum()), total + float(found.sum() + true.sum())
    return hit / total


def test_the_net_is_truer_than_the_rules_and_these_than_the_plain_check_where_motion_was_measured():
    plain, rules, net = [], [], []
    for first, second, out, home, hidden, within in drawn_pairs(5):
        for kept, judges in ((rules, None), (net, judge())):
            found = mattes(first, second, out, home, judge=judges)
            kept.append(((found.occlusion > 0.5) & within, hidden & within))
        plain.append((plain_check(out, home) & within, hidden & within))
    assert f1(plain) < f1(rules) < f1(net) - 0.05


def test_the_net_is_not_asked_about_exact_motion_or_what_leaves_the_picture():
    def never(signs):
        raise AssertionError

    def everything(signs):
        return torch.zeros(1, 1, *signs.shape[-2:])

    first, second, forward, backward = scene()
    assert torch.equal(
        mattes(first, second, forward, backward, judge=never).occlusion,
        mattes(first, second, forward, backward).occlusion,
    )
    rough = torch.zeros_like(forward)
    rough[:, 0] = 5
    found = mattes(first, second, forward + rough, backward - 0.9 * rough, judge=everything)
    assert float(found.occlusion[..., -5:].min()) == 1
    assert (found.cause[..., -5:] == OUTSIDE).all()
    assert float(found.occlusion[..., :-10].max()) == 0


def test_what_the_net_says_is_hidden_has_a_cause():
    first, second, forward, backward = scene()
    rough = torch.rand(1, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(5)) * 0.4
    found = mattes(
        first, second, forward + rough, backward + rough, judge=lambda signs: torch.ones(1, 1, HEIGHT, WIDTH)
    )
    assert float(found.occlusion.min()) == 1
    assert set(found.cause.unique().tolist()) <= {INCONSISTENT, OUTSIDE, HIDDEN, PHOTOMETRIC}
    assert found.confidence.max() == 0
