import torch

from impasto.server.shots import mattes
from impasto.server.shots.life import deaths, hidden, rim, specks
from impasto.server.shots.provenance import identity

SIZE = (1, 1, 16, 20)
HERE = identity(1, torch.ones(SIZE, dtype=torch.bool))
NONE = torch.zeros(SIZE, dtype=torch.bool)
PLATE = torch.full((1, 3, 16, 20), 0.4)


def test_another_look_alone_does_not_kill():
    assert not deaths(HERE, NONE, torch.ones(SIZE), PLATE, PLATE + 0.5).any()


def test_broken_motion_alone_does_not_kill():
    assert not deaths(HERE, NONE, torch.zeros(SIZE), PLATE, PLATE).any()


def test_broken_motion_and_another_look_kill():
    assert deaths(HERE, NONE, torch.zeros(SIZE), PLATE, PLATE + 0.5).all()


def test_hidden_paint_dies_whatever_it_looks_like():
    gone = NONE.clone()
    gone[..., 4:12, 4:12] = True
    assert torch.equal(deaths(HERE, gone, torch.ones(SIZE), PLATE, PLATE), gone)


def test_a_doubt_of_a_pixel_does_not_kill():
    confidence = torch.ones(SIZE)
    confidence[..., 8, 8] = 0
    assert not deaths(HERE, NONE, confidence, PLATE, PLATE + 0.5).any()


def test_a_carried_speck_goes_with_the_newborn_around_it():
    gone = ~NONE
    gone[..., 8, 8] = False
    assert specks(HERE.without(gone), torch.zeros(SIZE), False)[..., 8, 8].all()
    assert not specks(HERE, torch.zeros(SIZE), False).any()


def test_what_is_thin_and_certain_is_no_speck():
    gone = ~NONE
    gone[..., 8, :] = False
    assert not specks(HERE.without(gone), torch.ones(SIZE), False).any()
    assert specks(HERE.without(gone), torch.ones(SIZE), True).any()


def test_disagreement_of_motion_is_no_proof_of_hiding():
    occluded = torch.ones(SIZE)
    assert not hidden(occluded, torch.full(SIZE, float(mattes.INCONSISTENT)), True).any()
    assert hidden(occluded, torch.full(SIZE, float(mattes.HIDDEN)), True).all()
    assert not hidden(occluded * 0.4, torch.full(SIZE, float(mattes.HIDDEN)), False).any()


def test_a_probable_matte_is_no_proof_of_hiding_where_motion_was_measured():
    probable, cause = torch.full(SIZE, 0.8), torch.full(SIZE, float(mattes.HIDDEN))
    assert not hidden(probable, cause, True).any()
    assert hidden(probable, cause, False).all()


def moved_off():
    """Columns 8 and 9 are uncovered by a thing that lies from 10 on and has another motion."""
    gone = torch.zeros(1, 1, 9, 20, dtype=torch.bool)
    gone[..., 8:10] = True
    motion = torch.zeros(1, 2, 9, 20)
    motion[:, 0, :, 10:] = -2.0
    return gone, motion


def test_the_trace_of_what_moved_off_goes_with_it_and_the_thing_itself_keeps_its_paint():
    now = torch.full((1, 3, 9, 20), 0.3)
    assert torch.equal(rim(*moved_off(), now, now + 0.5, False)[0, 0, 4].nonzero()[:, 0], torch.arange(7, 10))


def test_beside_what_moved_off_paint_stays_where_its_plate_shows_no_trace_of_it():
    gone, motion = moved_off()
    now = torch.full((1, 3, 9, 20), 0.3)
    assert torch.equal(rim(gone, motion, now, now, False), gone)


def test_beside_a_border_that_was_measured_paint_goes_whatever_its_plate_shows():
    now = torch.full((1, 3, 9, 20), 0.3)
    assert torch.equal(rim(*moved_off(), now, now, True)[0, 0, 4].nonzero()[:, 0], torch.arange(7, 10))
