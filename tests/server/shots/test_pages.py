from collections import Counter
from dataclasses import dataclass, replace

import pytest
import torch

from impasto.server.errors import Cancelled
from impasto.server.ops.lattice import Lattice
from impasto.server.ops.warp import sample
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.layers import Layer
from impasto.server.shots.mattes import HIDDEN
from impasto.server.shots.pages import SIDE, Pages
from impasto.server.shots.provenance import Map, identity

HEIGHT, WIDTH = 2 * SIDE + 7, 3 * SIDE - 5
PIECES = 9


class Held:
    """Pictures of noise, fetched bilinearly; counts what is read and laid."""

    def __init__(self, pictures=5, most_bytes=1 << 20):
        self.plates = torch.rand(pictures, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(3))
        self.reads, self.laid = Counter(), Counter()
        self.pages = Pages(HEIGHT, WIDTH, pictures, 1024, most_bytes, self.read, self.lay)
        self.lattice = Lattice(2, SIDE, self.pages.places)
        self.now = None

    def read(self, frame):
        self.reads[frame] += 1
        self.now = frame
        return self.plates[frame]

    def lay(self, plate, pieces, places):
        self.laid.update((self.now, piece) for piece in pieces)
        self.lattice.lay(places, self.pages.windows(plate, pieces, 0, 1))

    def __call__(self, here):
        return self.pages.gather(here, self.lattice.bilinear, 2)


def scattered(frames, seed=1):
    """A map whose pixels name any place of any of these pictures, also a little outside."""
    draw = torch.Generator().manual_seed(seed)
    shape = (1, 1, HEIGHT, WIDTH)
    born = torch.tensor(frames)[torch.randint(len(frames), shape, generator=draw)].int()
    x, y = (torch.rand(shape, generator=draw) * (size + 3) - 2 for size in (WIDTH, HEIGHT))
    return Map(born, x, y, torch.zeros(shape))


def test_every_pixel_shows_what_it_names():
    held, here = Held(), scattered([0, 3, 4])
    found = held(here)
    for frame in (0, 3, 4):
        there = here.born[0, 0] == frame
        expected = sample(held.plates[frame : frame + 1], here.x.clamp(0, WIDTH - 1), here.y.clamp(0, HEIGHT - 1))
        assert torch.allclose(found[0][:, there], expected[0][:, there], atol=1e-6)


def test_where_there_is_no_paint_nothing_shows_and_nothing_is_read():
    held, nothing = Held(), torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    assert not held(identity(2, nothing)).any()
    assert not held.reads


def test_only_the_pieces_looked_at_are_laid_and_once():
    held, some = Held(), torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    some[..., :SIDE, SIDE : SIDE + 3] = True
    for _ in range(3):
        held(identity(2, some))
    assert held.laid == {(2, 1): 1}
    assert held.reads == {2: 1}


def test_more_pieces_than_are_held_give_the_same_bits():
    plenty, scarce, here = Held(), Held(most_bytes=0), scattered([0, 1, 2, 3, 4])
    assert (plenty.pages.places, scarce.pages.places) == (5 * PIECES, 2 * PIECES)
    for _ in range(3):
        assert torch.equal(plenty(here), scarce(here))
    assert sum(plenty.laid.values()) == 5 * PIECES


def test_only_what_does_not_fit_is_laid_anew_every_time():
    held, here = Held(most_bytes=0), scattered([0, 1, 2])
    held(here)
    before = sum(held.laid.values())
    held(here)
    assert sum(held.laid.values()) - before == PIECES


def test_a_picture_that_is_made_by_gathering_may_push_out_what_was_held():
    held = Held(most_bytes=0)
    read, made = held.pages._read, []

    def making(frame):
        if frame == 4 and not made:
            made.append(frame)
            held(scattered([0, 1, 2], seed=2))
        return read(frame)

    held.pages._read = making
    here = scattered([3, 4])
    assert torch.equal(held(here), Held()(here))
    assert made


def test_what_could_not_be_read_leaves_its_place_to_others():
    held = Held(most_bytes=0)
    read = held.pages._read

    def stopped(frame):
        raise Cancelled("stopped")

    held.pages._read = stopped
    for _ in range(3):
        with pytest.raises(Cancelled):
            held(scattered([0, 1]))
    held.pages._read = read
    assert torch.equal(held(scattered([0, 1])), Held()(scattered([0, 1])))


@dataclass
class Uncovering:
    """Nothing moves; in every frame another few pixels come into view."""

    shot: object
    still: object
    digest: str = "uncovering"
    measured: bool = False

    def neighbours(self, frame):
        return self.still.neighbours(frame)

    def frame(self, frame):
        found = self.still.frame(frame)
        hidden = [self.fresh(other) if other in self.shot.frames else 1 for other in (frame + 1, frame)]
        onward, homeward = (torch.ones(1, 1, self.shot.height, self.shot.width) * each for each in hidden)
        return replace(
            found,
            occlusion_next=onward,
            occlusion_prev=homeward,
            confidence_next=1 - onward,
            confidence_prev=1 - homeward,
            cause=HIDDEN * (onward + 10 * homeward),
        )

    def fresh(self, frame):
        new = torch.zeros(1, 1, self.shot.height, self.shot.width)
        column, row = divmod(4 * frame, self.shot.height)
        new[..., row : row + 4, 4 * column : 4 * column + 4] = 1
        return new


def test_the_work_of_a_frame_does_not_grow_with_the_length_of_the_shot(tiny):
    reads = Counter()

    class Shot(tiny.Shot):
        def picture(self, frame):
            reads["plates"] += 1
            return super().picture(frame)

    class Store(tiny.Memory):
        def load(self, key):
            reads["births"] += key.startswith("birth-")
            return super().load(key)

    shot = Shot(frames=tuple(range(1, 66)), speed=0, width=WIDTH)
    how = Recipe((), (Layer(lambda frame: tiny.Painter(), "stripes"),), 1.0, 7, Shaper(1.0), every=2)
    motion = Uncovering(shot, tiny.Motion(shot))
    births, work = {}, {}
    for painted in render(shot, how, motion, shot.frames, Store(), tiny.Audience()):
        births[painted.frame] = len(torch.unique(painted.source_frame))
        work[painted.frame] = sum(reads.values())
    assert births[65] > 2 * births[25] > 20
    assert work[65] - work[49] < 1.1 * (work[25] - work[9])
