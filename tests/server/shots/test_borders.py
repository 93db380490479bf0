from dataclasses import replace

import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.births import Birth, Births, fetch
from impasto.server.shots.borders import softened
from impasto.server.shots.provenance import identity
from impasto.server.shots.recall import Recall
from impasto.server.shots.relight import split

SHAPER = Shaper(1.0)
HEIGHT, WIDTH, MIDDLE = 12, 20, 10


def two_sides(dark, bright, share=0.5):
    """A frame whose left half was painted dark in frame 1 and whose right half bright in frame 2.

    The plates of both frames are plain; that of now has `share` of the left one's in the column beside the border.
    """

    class Store(dict):
        load = dict.get
        save = dict.__setitem__

    births = Births(Store(), str, lambda frame: None, SHAPER, HEIGHT, WIDTH, 2)
    everywhere = torch.ones(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    plates = [torch.full((1, 3, HEIGHT, WIDTH), value) for value in (dark, bright)]
    for frame, plate in zip((1, 2), plates, strict=True):
        one = torch.ones(1, 1, HEIGHT, WIDTH)
        births.keep(frame, Birth(torch.full_like(plate, 0.2 * frame), one, one), everywhere)
    recall = Recall(lambda frame: plates[frame - 1], HEIGHT, WIDTH, 2)
    here = identity(1, everywhere)
    here.born[..., MIDDLE:] = 2
    now = plates[0].clone()
    now[..., MIDDLE:] = plates[1][..., MIDDLE:]
    now[..., MIDDLE] = share * dark + (1 - share) * bright
    light = split(SHAPER.decode(now), SHAPER)
    return here, softened(here, fetch(here, births, recall), births, recall, light, SHAPER), births, recall, light


def test_a_pixel_that_shows_both_things_shows_both_paintings():
    _, mixed, *_ = two_sides(0.2, 0.6)
    column = mixed.paint[0, 0, 5]
    assert torch.allclose(column[MIDDLE], torch.tensor(0.3), atol=0.03)


def test_beside_it_the_plate_says_that_nothing_is_mixed():
    _, mixed, *_ = two_sides(0.2, 0.6)
    column = mixed.paint[0, 0, 5]
    assert torch.allclose(column[: MIDDLE - 1], torch.tensor(0.2), atol=0.02)
    assert torch.allclose(column[MIDDLE + 2 :], torch.tensor(0.4), atol=0.02)


def test_a_pixel_the_map_gave_to_the_wrong_side_is_painted_as_it_looks():
    _, mixed, *_ = two_sides(0.2, 0.6, share=1.0)
    assert torch.allclose(mixed.paint[0, 0, 5, MIDDLE], torch.tensor(0.2), atol=0.03)


def test_where_both_sides_look_alike_paint_is_feathered_over_a_pixel():
    _, mixed, *_ = two_sides(0.5, 0.5)
    column = mixed.paint[0, 0, 5]
    assert torch.allclose(column[MIDDLE - 1 : MIDDLE + 1], torch.tensor([0.25, 0.35]), atol=0.01)
    assert torch.allclose(column[[MIDDLE - 2, MIDDLE + 1]], torch.tensor([0.2, 0.4]), atol=0.01)


def test_paint_of_one_piece_comes_back_as_it_was():
    here, _, births, recall, light = two_sides(0.2, 0.6)
    whole = identity(1, here.alive)
    own = fetch(whole, births, recall)
    assert softened(whole, own, births, recall, light, SHAPER) is own


def test_paint_that_is_stretched_over_a_slanting_ground_has_no_border():
    here, _, births, recall, light = two_sides(0.2, 0.6)
    column = torch.arange(WIDTH, dtype=torch.float32).expand(1, 1, HEIGHT, WIDTH)
    slanting = replace(identity(1, here.alive), x=column * 0.3 + column**2 * 0.01)
    own = fetch(slanting, births, recall)
    assert softened(slanting, own, births, recall, light, SHAPER) is own


def test_paint_of_one_birth_that_lies_on_two_things_has_a_border_between_them():
    here, _, births, recall, light = two_sides(0.2, 0.6)
    whole = identity(1, here.alive)
    torn = replace(whole, x=torch.where(whole.x >= MIDDLE, whole.x + 4, whole.x))
    own = fetch(torn, births, recall)
    assert softened(torn, own, births, recall, light, SHAPER) is not own
