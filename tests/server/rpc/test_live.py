import threading

import grpc
import numpy as np
import pytest
from world import serving

from impasto.client import BadRequestError, Client, ImpastoError
from impasto.server import plates
from impasto.v1.live_pb2 import LivePart, LiveSettings, StylizeRequest
from impasto.v1.live_pb2_grpc import LiveServiceStub

WIDTH, HEIGHT = 48, 32


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    rng = np.random.default_rng(1)
    window = plates.Window(0, 0, 40, 40)
    style = rng.random((3, 40, 40)).astype(np.float16)
    plates.write(folder / "style.exr", plates.Plate(dict(zip("RGB", style, strict=True)), window, window))
    with (
        serving(folder / "server", max_live=1) as (running, caller),
        Client.connect(running.address, cache=folder / "digests") as client,
    ):
        yield client, caller, folder / "style.exr"


def frames(count, kind=np.uint8, channels=3):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for number in range(count):
        wave = 0.5 + 0.4 * np.sin((columns + number) / 5) * np.cos(rows / 4)
        picture = np.repeat(wave[..., None], channels, -1)
        yield (picture * 255).astype(np.uint8) if kind is np.uint8 else picture.astype(kind)


def played(stream, pictures):
    def feed():
        for number, picture in enumerate(pictures):
            stream.send(100 + number, picture.tobytes())
        stream.finish()

    feeder = threading.Thread(target=feed)
    feeder.start()
    found = list(stream)
    feeder.join()
    return found


def test_frames_come_back_in_order_with_how_they_were_made(world):
    client, _, style = world
    with client.live(WIDTH, HEIGHT, style=style, paint_every=100) as stream:
        found = played(stream, frames(12))
    assert [frame.number for frame in found] == list(range(100, 112))
    assert all(len(frame.pixels) == WIDTH * HEIGHT * 3 for frame in found)
    assert [frame.warming for frame in found] == [True] * 8 + [False] * 4
    assert found[0].latency >= found[0].queued >= 0
    assert found[0].carried == 0
    assert found[3].carried > 0.5
    assert "causal" in stream.choices["engine"]


def test_half_floats_keep_alpha_and_highlights(world):
    client, _, style = world
    pictures = [picture * 4 for picture in frames(3, np.float16, 4)]
    for picture in pictures:
        picture[..., 3] = 0.5
        picture[4:8, 4:8, :3] = 40.0
    with client.live(WIDTH, HEIGHT, style=style, pixels="half") as stream:
        found = played(stream, pictures)
    back = np.frombuffer(found[-1].pixels, np.float16).reshape(HEIGHT, WIDTH, 4)
    assert np.all(back[..., 3] == 0.5)
    assert back[4:8, 4:8, :3].max() > 20
    assert np.isfinite(back).all()


def test_strength_zero_gives_the_plate_back(world):
    client, _, style = world
    pictures = list(frames(2))
    with client.live(WIDTH, HEIGHT, style=style, strength=0.0) as stream:
        found = played(stream, pictures)
    back = np.frombuffer(found[1].pixels, np.uint8).reshape(HEIGHT, WIDTH, 3)
    assert np.abs(back.astype(int) - pictures[1]).max() <= 1


def test_a_full_queue_drops_the_oldest_where_asked_and_loses_none_otherwise(world):
    client, _, style = world
    with client.live(WIDTH, HEIGHT, style=style, queue=1, drop_oldest=True) as stream:
        found = played(stream, frames(60))
    assert found[-1].number == 159
    assert found[-1].dropped == 60 - len(found)
    with client.live(WIDTH, HEIGHT, style=style, queue=1) as stream:
        assert len(played(stream, frames(30))) == 30


def test_only_so_many_streams_run_at_once(world):
    client, _, style = world
    with client.live(WIDTH, HEIGHT, style=style) as stream:
        with pytest.raises(ImpastoError) as caught:
            client.live(WIDTH, HEIGHT, style=style)
        assert caught.value.reason == "LIVE_FULL"
        assert played(stream, frames(1))
    with client.live(WIDTH, HEIGHT, style=style) as stream:
        assert played(stream, frames(1))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"width": 4}, "4x32"),
        ({"height": 100_000}, "100000"),
        ({"strength": 2.0}, "Strength"),
        ({"queue": 1000}, "queue"),
        ({"paint_width": 3}, "paint_width"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(world, values, words):
    client, _, style = world
    size = {"width": values.pop("width", WIDTH), "height": values.pop("height", HEIGHT)}
    with pytest.raises(BadRequestError, match=words):
        client.live(**size, style=style, **values)


def test_what_is_no_style_is_refused(world, tmp_path):
    client, _, _ = world
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(BadRequestError) as caught:
        client.live(WIDTH, HEIGHT, style=tmp_path / "x.png")
    assert caught.value.reason == "STYLE_UNREADABLE"
    with pytest.raises(BadRequestError):
        client.live(WIDTH, HEIGHT, style="no-such-preset")
    with pytest.raises(BadRequestError):
        client.live(WIDTH, HEIGHT, style=tmp_path / "x.png", pixels="cmyk")


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [StylizeRequest(frame=LivePart(number=1))],
        [StylizeRequest(settings=LiveSettings(width=48, height=32))],
    ],
)
def test_a_stream_that_begins_wrongly_is_refused(world, requests):
    _, caller, _ = world
    with pytest.raises(grpc.RpcError) as caught:
        list(LiveServiceStub(caller.channel).Stylize(iter(requests), timeout=10))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_frames_of_another_size_end_the_stream_before_they_are_kept(world):
    client, _, style = world
    with client.live(WIDTH, HEIGHT, style=style) as stream:
        with pytest.raises(BadRequestError):
            stream.send(1, b"short")
        stream.frame_bytes = 100
        stream.send(1, b"x" * 100)
        with pytest.raises(BadRequestError, match="bytes"):
            next(stream)
