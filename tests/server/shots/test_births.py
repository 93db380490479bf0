import torch

from impasto.server.plates.shaper import Shaper
from impasto.server.shots.births import Birth, Births
from impasto.server.shots.provenance import identity

SHAPER = Shaper(1.0)
HEIGHT, WIDTH = 75, 90


class Kept:
    """Births of noise that cover only what was born, made when they are lacking; remembers what was made."""

    def __init__(self, tiny, born):
        self.store, self.born, self.made = tiny.Memory(), born, []
        self.births = Births(self.store, lambda frame: f"birth-{frame}", self.make, SHAPER, HEIGHT, WIDTH, 5)

    def make(self, frame):
        self.made.append(frame)
        self.births.keep(frame, self.birth(frame), self.born)

    def birth(self, frame):
        paint = torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(frame))
        return Birth(paint, torch.full((1, 1, HEIGHT, WIDTH), 0.5), torch.ones(1, 1, HEIGHT, WIDTH))


def everywhere():
    return torch.ones(1, 1, HEIGHT, WIDTH, dtype=torch.bool)


def between(frame, where):
    """A map of a frame a third of a pixel off."""
    here = identity(frame, where)
    return type(here)(here.born, here.x + where / 3, here.y - where / 3, here.doubt)


def test_paint_where_it_was_laid_is_the_paint_that_was_laid(tiny):
    kept = Kept(tiny, everywhere())
    paint, soft, match, cover = kept.births(identity(3, everywhere())).split([3, 3, 1, 1], 1)
    laid = kept.birth(3)
    assert torch.allclose(paint, laid.paint, atol=1e-5)
    assert torch.equal(soft, laid.paint)
    assert torch.equal(match, laid.match)
    assert torch.equal(cover, laid.cover)


def test_what_is_laid_is_the_same_to_the_bit_in_whatever_company(tiny):
    together, apart = Kept(tiny, everywhere()), Kept(tiny, everywhere())
    for row, column in ((0, 0), (40, 40), (70, 5), (10, 88)):
        one = torch.zeros_like(everywhere())
        one[..., row, column] = True
        apart.births(between(3, one))
    whole = between(3, everywhere())
    assert torch.equal(apart.births(whole), together.births(whole))


def test_a_birth_from_the_store_is_the_birth_that_was_made(tiny):
    born = everywhere()
    born[..., :60] = False
    first = Kept(tiny, born)
    made = first.births(between(3, born))
    second = Kept(tiny, born)
    second.store = first.store
    second.births = Births(first.store, lambda frame: f"birth-{frame}", second.make, SHAPER, HEIGHT, WIDTH, 5)
    assert second.births.has(3)
    assert torch.equal(second.births(between(3, born)), made)
    assert not second.made


def test_what_the_store_has_lost_is_made_again_when_it_is_looked_at_anew(tiny):
    kept = Kept(tiny, everywhere())
    corner, rest = torch.zeros_like(everywhere()), everywhere()
    corner[..., :5, :5] = True
    kept.births(between(3, corner))
    kept.births(between(4, corner))  # now 3 is not the last one kept
    kept.store.forget("birth-3")
    assert kept.births.has(3)
    found = kept.births(between(3, rest))
    assert kept.made == [3, 4, 3]
    assert torch.equal(found, Kept(tiny, everywhere()).births(between(3, rest)))
