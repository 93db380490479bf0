from fractions import Fraction

import av
import numpy as np
import pytest

from impasto.server.plates import preview


def decoded(tmp_path, content):
    path = tmp_path / "p.mp4"
    path.write_bytes(content)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return stream.codec_context.name, stream.average_rate, pictures


def test_pictures_become_h264_in_their_order_at_their_rate(tmp_path):
    ramp = [np.full((32, 48, 3), value, np.float32) for value in (0.1, 0.5, 0.9)]
    name, rate, pictures = decoded(tmp_path, preview(ramp, Fraction(25)))
    assert (name, rate) == ("h264", 25)
    assert [picture.shape for picture in pictures] == [(32, 48, 3)] * 3
    assert [round(float(picture.mean()) / 255, 1) for picture in pictures] == [0.1, 0.5, 0.9]


def test_colours_come_back(tmp_path):
    red = np.zeros((32, 32, 3), np.float32)
    red[..., 0] = 0.8
    _, _, (picture,) = decoded(tmp_path, preview([red]))
    assert np.allclose(picture.mean((0, 1)) / 255, (0.8, 0, 0), atol=0.03)


@pytest.mark.parametrize(("height", "width", "size"), [(33, 47, (32, 46)), (1, 9, (2, 8)), (6, 4000, (2, 1920))])
def test_any_size_gives_even_sides(tmp_path, height, width, size):
    strange = np.full((height, width, 3), np.nan, np.float32)
    _, _, (picture,) = decoded(tmp_path, preview([strange]))
    assert picture.shape[:2] == size


def test_no_pictures_are_an_error():
    with pytest.raises(ValueError, match="at least one"):
        preview([])
