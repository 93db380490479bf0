import numpy as np

from impasto.server import plates
from impasto.server.jobs.running.making import faded


def test_a_dissolve_fades_from_the_one_shot_s_paint_to_the_other_s():
    window, space = (
        plates.Window(0, 0, 2, 1),
        plates.ColourSpace.resolve(
            "lin_rec709", plates.Plate({}, plates.Window(0, 0, 1, 1), plates.Window(0, 0, 1, 1))
        ),
    )
    first, second = (
        plates.Painting(np.full((3, 1, 2), value, np.float32), window, space, {"source.frame": np.full((1, 2), frame)})
        for value, frame in ((1.0, 3), (5.0, 8))
    )
    for share, frame in ((0.25, 3), (0.5, 8), (0.75, 8)):
        ((painting, figures),) = faded([(1 - share, [(first, {"age": 1.0})]), (share, [(second, {"age": 2.0})])])
        assert np.allclose(painting.rgb, 1 + 4 * share)
        assert (painting.layers["source.frame"] == frame).all()
        assert figures["dissolve"] == share
