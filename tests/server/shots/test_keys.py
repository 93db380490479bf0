import torch

from impasto.server.shots.keys import Key, choose
from impasto.server.shots.provenance import Map, identity

SIZE = (1, 1, 12, 16)
ALL = torch.ones(SIZE)


def key(frame, weight=1.0, hold=None):
    return Key(frame, torch.zeros(1, 3, 12, 16), ALL, weight, hold, str(frame))


def whole(frame, doubt=0.0):
    here = identity(frame, ALL > 0)
    return Map(here.born, here.x, here.y, here.doubt + doubt)


def shares(frame, keys, maps):
    return choose(frame, keys, maps, [own.alive.float() for own in maps])


def test_a_key_has_its_own_frame_to_itself():
    first, second = shares(1, [key(1), key(2)], [whole(1), whole(2)])
    assert (first == 1).all()
    assert (second == 0).all()


def test_the_nearer_key_wins_and_the_shares_add_up():
    first, second = shares(3, [key(1), key(9)], [whole(1), whole(9)])
    assert (first > 0.9).all()
    assert torch.allclose(first + second, ALL)


def test_the_choice_turns_smoothly_and_once_over_time():
    share = [float(shares(f, [key(1), key(21)], [whole(1), whole(21)])[0].mean()) for f in range(2, 21)]
    assert share == sorted(share, reverse=True)
    assert share[0] > 0.99
    assert share[-1] < 0.01
    assert abs(share[9] - 0.5) < 1e-3


def test_a_doubtful_history_loses_against_a_sure_one_farther_off():
    first, _ = shares(4, [key(1), key(9)], [whole(1, doubt=2.0), whole(9)])
    assert (first < 0.1).all()


def test_where_one_key_is_dead_the_other_paints_and_where_both_are_nobody():
    dead = torch.zeros(SIZE, dtype=torch.bool)
    dead[..., :8] = True
    both = dead.clone()
    both[..., 4:] = False
    first, second = shares(3, [key(1), key(9)], [whole(1).without(dead), whole(9).without(both)])
    assert (second[..., 4:8] == 1).all()
    assert ((first + second)[..., :4] == 0).all()


def test_hold_and_weight_say_where_a_key_may_paint():
    assert key(5, hold=frozenset({5, 6})).holds(6)
    assert not key(5, hold=frozenset({5, 6})).holds(7)
    assert not key(5, weight=0.0).holds(5)
