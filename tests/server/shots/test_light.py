"""Light, grain and motion blur change the plate, not the thing: paint follows the light and stays where it was put.

Motion is not trusted anywhere here, so that only the look of the plate keeps paint alive.
"""

from dataclasses import dataclass, replace

import torch

from impasto.server.ops.lowpass import lowpass
from impasto.server.plates.shaper import Shaper
from impasto.server.shots import Recipe, render
from impasto.server.shots.layers import Layer
from impasto.server.shots.relight import luminance

STOPS, COUNT = 2.0, 24


@dataclass
class Doubted:
    """Motion whose confidence is low everywhere."""

    motion: object
    digest: str = "doubted"
    measured: bool = False

    def neighbours(self, frame):
        return self.motion.neighbours(frame)

    def frame(self, frame):
        true = self.motion.frame(frame)
        return replace(true, confidence_next=true.confidence_next * 0.3, confidence_prev=true.confidence_prev * 0.3)


def painted(tiny, shot, relight=1.0, painter=None):
    look = painter or tiny.Painter()
    how = Recipe((), (Layer(lambda frame: look, "a look"),), relight, 7, Shaper(1.0))
    made = render(shot, how, Doubted(tiny.Motion(shot)), shot.frames, tiny.Memory(), tiny.Audience())
    return list(made)


def inner(picture):
    """What is in the picture in every frame, by a margin."""
    return picture[..., 4:-4, 4:-4]


def fading(tiny):
    return tiny.Shot(frames=tuple(range(1, COUNT + 1)), speed=0, fade=0.5 ** (STOPS / (COUNT - 1)))


def test_two_stops_of_fade_give_birth_to_nothing_and_move_nothing(tiny):
    made = painted(tiny, fading(tiny))
    assert all((each.source_frame == 1).all() for each in made)
    assert all(torch.equal(each.source_x, made[0].source_x) for each in made)


def test_paint_fades_with_the_plate_evenly_without_drift_or_flicker(tiny):
    shot = fading(tiny)
    made = painted(tiny, shot)
    paint = torch.stack([luminance(inner(each.picture)).mean() for each in made])
    plate = torch.stack([luminance(inner(shot.picture(frame))).mean() for frame in shot.frames])
    assert torch.allclose(paint / paint[0], plate / plate[0], rtol=0.05)
    steps = (paint[1:] / paint[:-1]).log()
    assert steps.std() < 0.01 * steps.mean().abs() + 1e-3


def test_relit_by_nothing_the_paint_keeps_its_light(tiny):
    made = painted(tiny, fading(tiny), relight=0.0)
    assert torch.allclose(inner(made[-1].picture), inner(made[0].picture), atol=1e-4)


def shadowed(tiny):
    """A shadow comes over from the left, two pixels a frame."""

    class Shadowed(tiny.Shot):
        def picture(self, frame):
            shade = torch.ones(self.width)
            shade[: 2 * frame] = 0.3
            return super().picture(frame) * lowpass(shade.expand(1, 1, self.height, self.width), 2.0)

    return Shadowed(speed=0)


def test_a_shadow_that_comes_over_gives_birth_to_nothing(tiny):
    made = painted(tiny, shadowed(tiny))
    assert all((each.source_frame == 1).float().mean() > 0.98 for each in made)
    assert luminance(made[-1].picture[..., 8:16]).mean() < 0.6 * luminance(made[0].picture[..., 8:16]).mean()


def test_a_look_that_knows_no_light_keeps_its_paint_under_a_shadow_and_fades_with_the_shot(tiny):
    class Flat(tiny.Painter):
        def paint(self, content, **rest):
            return super().paint(torch.full_like(content, 0.5), **{**rest, "start": None, "where": None})

    made = painted(tiny, shadowed(tiny), painter=Flat())
    assert torch.allclose(inner(made[4].picture), inner(made[0].picture), rtol=0.1)
    faded = painted(tiny, fading(tiny), painter=Flat())
    assert luminance(faded[-1].picture).mean() < 0.3 * luminance(faded[0].picture).mean()


def test_grain_gives_birth_to_nothing(tiny):
    class Grainy(tiny.Shot):
        def picture(self, frame):
            noise = torch.randn(1, 3, self.height, self.width, generator=torch.Generator().manual_seed(frame))
            return super().picture(frame) * (1 + 0.08 * noise)

    assert all((each.source_frame == 1).all() for each in painted(tiny, Grainy(speed=0)))


def test_a_little_motion_blur_gives_birth_to_nothing(tiny):
    class Blurred(tiny.Shot):
        def picture(self, frame):
            sharp = super().picture(frame)
            return (sharp.roll(1, -1) + sharp + sharp.roll(-1, -1)) / 3 if frame % 2 else sharp

    assert all((each.source_frame == 1).all() for each in painted(tiny, Blurred(speed=0)))


def test_another_thing_in_its_place_is_painted_anew(tiny):
    class Replaced(tiny.Shot):
        def picture(self, frame):
            other = torch.tensor([1.0, 0.1, 0.1]).reshape(1, 3, 1, 1)
            return super().picture(frame) * other if frame > 6 else super().picture(frame)

    assert (painted(tiny, Replaced(speed=0))[-1].source_frame > 1).float().mean() > 0.5
