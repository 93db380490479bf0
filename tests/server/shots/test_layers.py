import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.layers import Layer, shares

SHAPER = Shaper(1.0)


class Flat:
    """Paints all of a picture in one grey, and counts."""

    local = False

    def __init__(self, grey):
        self.grey, self.calls = grey, 0

    def paint(self, content, *, start=None, where=None, seed=0, check=lambda: None):
        self.calls += 1
        return torch.full_like(content, self.grey)


def left(frame, height=24, width=40):
    """A mask of the left half that moves right with the frames, soft at its edge."""
    ramp = (0.5 + 0.25 * (20 + frame - torch.arange(float(width)))).clamp(0, 1)
    return ramp.expand(1, 1, height, width).clone()


def layer(grey, **fields):
    painter = fields.pop("painter", Flat(grey))
    return Layer(lambda frame: painter, f"{grey} {sorted(fields.items(), key=str)[:1]}", **fields)


def made(tiny, layers, wanted=range(1, 13), store=None, relight=0.0):
    shot = tiny.Shot()
    recipe = Recipe((), tuple(layers), relight, 7, SHAPER)
    found = render(shot, recipe, tiny.Motion(shot), list(wanted), store or tiny.Memory(), tiny.Audience())
    return {painted.frame: painted for painted in found}


def greys(painted):
    return SHAPER.encode(painted.picture).mean(1)[0]


LIKE = torch.zeros(1, 1, 24, 40)


def test_styles_without_a_mask_share_by_their_weights():
    parts = shares([layer(0.2, weight=0.7), layer(0.6, weight=0.2)], 3, LIKE)
    assert torch.allclose(parts[0], torch.full_like(LIKE, 7 / 9))
    assert torch.allclose(parts[0] + parts[1], torch.ones_like(LIKE))


def test_a_masked_style_lies_over_the_others_where_its_mask_is():
    under, over = shares([layer(0.2), layer(0.6, mask=left)], 3, LIKE)
    assert torch.equal(over, left(3))
    assert torch.allclose(under, 1 - left(3))
    under, over = shares([layer(0.2, weight=0.7), layer(0.6, weight=0.3, mask=left)], 3, LIKE)
    assert torch.allclose(over, 0.3 * left(3))
    assert torch.allclose(under, 1 - 0.3 * left(3))


def test_masks_that_meet_leave_no_plate_between_them():
    parts = shares([layer(0.2, mask=left), layer(0.6, mask=lambda frame: 1 - left(frame))], 3, LIKE)
    assert torch.allclose(parts[0] + parts[1], torch.ones_like(LIKE))
    parts = shares([layer(0.2, mask=left), layer(0.6, mask=left)], 3, LIKE)
    assert torch.allclose(parts[0], parts[1])


def test_what_no_mask_covers_is_the_plate_bit_for_bit(tiny):
    found = made(tiny, [layer(0.6, mask=left)])
    shot = tiny.Shot()
    for frame, painted in found.items():
        nowhere = (left(frame) == 0).expand_as(painted.picture)
        assert nowhere.any()
        assert torch.equal(painted.picture[nowhere], shot.picture(frame)[nowhere])
        wholly = (left(frame) == 1)[0, 0]
        assert torch.allclose(greys(painted)[wholly], torch.tensor(0.6), atol=1e-4)


def test_a_style_is_seen_in_its_range_only(tiny):
    before, after = layer(0.2, frames=frozenset(range(1, 6))), layer(0.6, frames=frozenset(range(6, 13)))
    found = made(tiny, [before, after])
    for frame, painted in found.items():
        assert torch.allclose(greys(painted), torch.tensor(0.2 if frame < 6 else 0.6), atol=1e-4), frame
    only = made(tiny, [layer(0.2, frames=frozenset([4, 5]))])
    assert torch.equal(only[8].picture, tiny.Shot().picture(8))


def test_styles_give_way_to_each_other_over_a_fade(tiny):
    first = layer(0.2, frames=frozenset(range(1, 8)), fade=lambda frame: min(1.0, (8 - frame) / 4))
    second = layer(0.6, frames=frozenset(range(5, 13)), fade=lambda frame: min(1.0, (frame - 4) / 4))
    means = [float(greys(painted).mean()) for painted in made(tiny, [first, second]).values()]
    steps = [round(10 * (mean - 0.2), 2) for mean in means]
    assert steps == [0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 4, 4]


def test_a_style_alone_fades_to_the_plate(tiny):
    parts = shares([layer(0.2, frames=frozenset([5]), fade=lambda frame: 0.25)], 5, LIKE)
    assert torch.allclose(parts[0], torch.full_like(LIKE, 0.25))


def test_a_style_is_painted_through_its_own_range_only(tiny):
    painter = Flat(0.6)
    made(tiny, [layer(0.2), layer(0.6, painter=painter, frames=frozenset([9, 10]))])
    assert painter.calls <= 2


def test_the_source_is_that_of_the_style_that_shows_most(tiny):
    late = layer(0.6, frames=frozenset(range(9, 13)), mask=left)
    painted = made(tiny, [layer(0.2), late])[10]
    inside = left(10) > 0.5
    assert (painted.source_frame[inside] >= 9).all()
    assert (painted.source_frame[~inside] < 10).any()


def several(tiny):
    return [
        layer(0.2, painter=tiny.Painter(), weight=0.7),
        layer(0.4, painter=tiny.Painter(), weight=0.3, frames=frozenset(range(3, 9)), fade=lambda f: 0.5),
        layer(0.6, painter=tiny.Painter(), mask=left, frames=frozenset(range(5, 13))),
    ]


WHOLE = {}


@settings(max_examples=3, deadline=None)
@given(order=st.permutations(range(1, 13)), cut=st.integers(1, 11))
def test_several_styles_give_the_same_bits_in_any_order_and_any_pieces(tiny, order, cut):
    whole = WHOLE.setdefault(0, made(tiny, several(tiny)))
    store = tiny.Memory()
    for part in (order[:cut], order[cut:]):
        for frame, painted in made(tiny, several(tiny), part, store).items():
            for name in ("picture", "source_x", "source_y", "source_frame"):
                assert torch.equal(getattr(painted, name), getattr(whole[frame], name)), (frame, name)
