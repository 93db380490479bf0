import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.server.models.style.regions import boxes, joined, widen

Spots = st.lists(st.tuples(st.integers(0, 299), st.integers(0, 499)), min_size=1, max_size=40)


def marked(spots: list[tuple[int, int]]) -> torch.Tensor:
    where = torch.zeros(1, 1, 300, 500, dtype=torch.bool)
    for row, column in spots:
        where[..., row, column] = True
    return where


def work(found, margin: int) -> int:
    total = 0
    for box in found:
        x0, y0, x1, y1 = widen(box, margin, 300, 500)
        total += (x1 - x0) * (y1 - y0)
    return total


@given(Spots)
def test_joining_covers_the_same_pixels_with_no_more_work(spots):
    where = marked(spots)
    apart = boxes(where)
    together = joined(apart, 32, 300, 500)
    covered = torch.zeros_like(where)
    for x0, y0, x1, y1 in together:
        covered[..., y0:y1, x0:x1] = True
    assert bool((covered | ~where).all())
    assert work(together, 32) <= work(apart, 32)


def test_spots_all_over_a_picture_become_one_rectangle():
    spots = [(row, column) for row in range(10, 300, 90) for column in range(10, 500, 90)]
    assert len(joined(boxes(marked(spots)), 64, 300, 500)) == 1


def test_two_far_corners_stay_apart():
    assert len(joined(boxes(marked([(0, 0), (299, 499)])), 32, 300, 500)) == 2
