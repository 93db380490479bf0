import pytest

from impasto.server.errors import BadRequest
from impasto.server.jobs.inputs.path_maps import PathMaps

MAPS = PathMaps(["P:/show=/mnt/show", "P:/show/lib=/lib", "/mnt/far=/mnt/near/", r"\\nas\plates=/plates"])


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("P:/show/a.exr", "/mnt/show/a.exr"),
        ("p:\\Show\\sub\\a.exr", "/mnt/show/sub/a.exr"),
        ("P:/show/lib/a.exr", "/lib/a.exr"),
        ("P:/shows/a.exr", "P:/shows/a.exr"),
        ("P:/show", "/mnt/show"),
        ("/mnt/far/a.exr", "/mnt/near/a.exr"),
        ("/mnt/Far/a.exr", "/mnt/Far/a.exr"),
        (r"\\NAS\plates\a.exr", "/plates/a.exr"),
        ("/elsewhere/a.exr", "/elsewhere/a.exr"),
    ],
)
def test_the_longest_map_that_fits_is_taken(there, here):
    assert MAPS.here(there) == here


@pytest.mark.parametrize("text", ["", "P:/show", "=/mnt", "P:/show="])
def test_a_map_that_is_not_understood_is_refused(text):
    with pytest.raises(BadRequest):
        PathMaps([text])
