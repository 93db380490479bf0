import pytest
import torch

from impasto.server.errors import Cancelled
from impasto.server.shots.fill.example import Example
from impasto.server.shots.fill.net import STEPS_PER_MINUTE, Trained, steps_of

MINUTES = 12 / STEPS_PER_MINUTE


def example(height=24, width=40):
    """A plate of smooth noise, painted by turning its colours around."""
    noise = torch.rand(1, 3, height // 4 + 1, width // 4 + 1, generator=torch.Generator().manual_seed(2))
    plate = torch.nn.functional.interpolate(noise, scale_factor=4, mode="bilinear")[..., :height, :width]
    paint = 0.9 - 0.6 * plate.flip(1)
    return Example(3, plate, paint, torch.ones(1, 1, height, width, dtype=torch.bool), "key")


def trained(store, seed=0, told=lambda share: None):
    return Trained(lambda: [example()], MINUTES, seed, store, f"net {seed}", told)


def test_it_learns_what_the_key_shows(tiny):
    here = example()
    painted = trained(tiny.Memory()).paint(here.plate)
    assert (painted - here.paint).abs().mean() < 0.02
    assert painted.shape == here.plate.shape


def test_the_steps_follow_from_the_minutes_and_each_is_told(tiny):
    shares = []
    trained(tiny.Memory(), told=shares.append).paint(example().plate)
    assert shares == [step / 12 for step in range(12)]
    assert steps_of(1e-9) == 1


def test_the_same_training_gives_the_same_bits_and_another_seed_others(tiny):
    plate = example().plate
    first, again = trained(tiny.Memory()).paint(plate), trained(tiny.Memory()).paint(plate)
    assert (first == again).all()
    assert (first != trained(tiny.Memory(), seed=1).paint(plate)).any()


def test_a_trained_net_is_kept_and_not_trained_again(tiny):
    store, plate = tiny.Memory(), example().plate
    first = trained(store).paint(plate)
    untouched = Trained(lambda: pytest.fail("trained again"), MINUTES, 0, store, "net 0")
    assert (untouched.paint(plate) == first).all()
    assert store.saved == 1


def test_training_stops_when_told_to(tiny):
    steps = []

    def check():
        steps.append(1)
        if len(steps) == 5:
            raise Cancelled("stop")

    store = tiny.Memory()
    with pytest.raises(Cancelled):
        trained(store).paint(example().plate, check=check)
    assert len(steps) == 5
    assert store.saved == 0


def test_only_what_is_asked_for_is_painted_and_as_it_would_be_in_the_whole(tiny):
    painter, plate = trained(tiny.Memory()), example(24, 200).plate
    where = torch.zeros(1, 1, 24, 200, dtype=torch.bool)
    where[..., 5:9, 150:170] = True
    start = torch.full_like(plate, 0.5)
    whole, part = painter.paint(plate), painter.paint(plate, start=start, where=where)
    assert (part[..., :140] == 0.5).all()
    assert torch.allclose(torch.where(where, part, 0), torch.where(where, whole, 0), atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(7, 9), (4, 33)])
def test_small_and_odd_pictures_work(tiny, height, width):
    small = example(height, width)
    painter = Trained(lambda: [small], 2 / STEPS_PER_MINUTE, 0, tiny.Memory(), "small")
    painted = painter.paint(small.plate)
    assert painted.shape == small.plate.shape
    assert painted.isfinite().all()
