import torch

from impasto.server.shots.reduced import ReducedMotion, ReducedShot


def test_pictures_are_means_over_blocks(tiny):
    shot = tiny.Shot()
    small = ReducedShot(shot, 10)
    assert (small.factor, small.height, small.width) == (4, 6, 10)
    assert torch.allclose(small.picture(3)[0, :, 0, 0], shot.picture(3)[0, :, :4, :4].mean((1, 2)))
    assert small.digest(3) != shot.digest(3)


def test_motion_is_in_pixels_of_the_small_picture(tiny):
    shot = tiny.Shot(speed=2)
    small = ReducedShot(shot, 10)
    motion = ReducedMotion(tiny.Motion(shot), small)
    frame = motion.frame(5)
    assert frame.forward.shape == (1, 2, 6, 10)
    assert (frame.forward[:, 0] == -0.5).all()
    assert motion.neighbours(5) == (4, 6)


def test_a_shot_that_is_small_already_stays_as_it_is(tiny):
    shot = tiny.Shot()
    assert (ReducedShot(shot, 160).picture(2) == shot.picture(2)).all()
