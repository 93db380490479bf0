import pytest
from world import serving, write_plates


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server without roots that copies plates, with stubs to it, for the tests of one file."""
    with serving(tmp_path_factory.mktemp("w") / "server") as (_, caller):
        yield caller


@pytest.fixture
def files(tmp_path):
    return write_plates(tmp_path / "plates")
