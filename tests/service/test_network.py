"""A line that breaks: uploads, watching and fetching go on where they were."""

import threading

import numpy as np
import pytest
from painting import painting, slowly
from proxy import Proxy
from world import serving

from impasto.client import Client, FilesSent, FrameDone, ServerUnreachable, flow_spec
from impasto.server import plates


@pytest.fixture
def shot(tmp_path):
    rng = np.random.default_rng(1)
    window = plates.Window(0, 0, 128, 96)
    (tmp_path / "plates").mkdir()
    for frame in range(1001, 1009):
        pixels = rng.random((96, 128)).astype(np.float32)
        plate = plates.Plate(dict.fromkeys("RGB", pixels), window, window, compression="none")
        plates.write(tmp_path / "plates" / f"p.{frame}.exr", plate)
    return str(tmp_path / "plates" / "p.####.exr")


def test_a_line_cut_again_and_again_loses_and_doubles_nothing(shot, tmp_path):
    with serving(tmp_path / "s", painting, listen="127.0.0.1:0") as (running, _):
        proxy = Proxy(running.address, seed=3, cut_after=250_000, delay=0.002)
        with Client.connect(proxy.address, token=running.token, cache=tmp_path / "d", patience=60) as client:
            events = list(client.flow(shot, out=str(tmp_path / "out" / "o.####.exr"), motion="plate"))
        proxy.close()
    assert proxy.cuts >= 5
    numbers = [event.number for event in events if event.number]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event.frame for event in events if isinstance(event, FrameDone)] == list(range(1001, 1009))
    sent = [event for event in events if isinstance(event, FilesSent)]
    assert sent[-1].sent_bytes == sent[-1].total_bytes
    for frame in range(1001, 1009):
        made = plates.read(tmp_path / "out" / f"o.{frame}.exr").channels["R"]
        whole = plates.read(tmp_path / "plates" / f"p.{frame}.exr").channels["R"]
        assert np.array_equal(made, (whole * 0.5).astype(np.float16))


def test_a_line_that_dies_without_a_word_is_found_out_and_the_job_goes_on(shot, tmp_path, monkeypatch):
    monkeypatch.setattr("impasto.client.server.RENEWED", 1.0)
    hold = threading.Event()
    with serving(tmp_path / "s", slowly(hold), listen="127.0.0.1:0") as (running, _):
        proxy = Proxy(running.address)
        with Client.connect(proxy.address, token=running.token, cache=tmp_path / "d", timeout=60) as client:
            client._patience = 1.5
            name = client.submit(flow_spec(shot, out=str(tmp_path / "out" / "o.####.exr"), motion="plate"))
            events = client.watch(name)
            assert next(events).number == 1
            proxy.freeze()
            with pytest.raises(ServerUnreachable):
                list(events)
        hold.set()
        with Client.connect(running.address, token=running.token, cache=tmp_path / "d", timeout=60) as client:
            done = [event.frame for event in client.fetch(name) if isinstance(event, FrameDone)]
        proxy.close()
    assert done == list(range(1001, 1009))


def test_watching_over_a_line_that_is_gone_for_good_ends_in_one_sentence(shot, tmp_path):
    hold = threading.Event()
    with serving(tmp_path / "s", slowly(hold), listen="127.0.0.1:0") as (running, _):
        proxy = Proxy(running.address)
        with Client.connect(proxy.address, token=running.token, cache=tmp_path / "d", timeout=60, patience=1) as client:
            events = client.watch(client.submit(flow_spec(shot, out=str(tmp_path / "o.####.exr"), motion="plate")))
            assert next(events).number == 1
            proxy.close()
            with pytest.raises(ServerUnreachable, match=f"No Impasto server answers at {proxy.address}") as gone:
                list(events)
        hold.set()
    assert gone.value.exit_code == 3


@pytest.mark.parametrize("how", [Proxy.close, Proxy.freeze])
def test_sending_over_a_line_that_is_gone_for_good_ends_in_one_sentence(shot, tmp_path, monkeypatch, how):
    monkeypatch.setattr("impasto.client.connection.SILENCE", 0.5)
    hold = threading.Event()
    with serving(tmp_path / "s", slowly(hold), listen="127.0.0.1:0") as (running, _):
        proxy = Proxy(running.address)
        with Client.connect(proxy.address, token=running.token, cache=tmp_path / "d", timeout=60, patience=1) as client:
            render = client.flow(shot, out=str(tmp_path / "o.####.exr"), motion="plate").submit()
            while next(render).type != "sent":
                pass
            how(proxy)
            with pytest.raises(ServerUnreachable, match=f"No Impasto server answers at {proxy.address}") as gone:
                list(render)
        hold.set()
        proxy.close()
    assert gone.value.exit_code == 3


def test_the_tests_own_proxy_passes_on_what_it_is_not_told_to_harm(shot, tmp_path):
    with serving(tmp_path / "s", painting, listen="127.0.0.1:0") as (running, _):
        proxy = Proxy(running.address)
        with Client.connect(proxy.address, token=running.token, cache=tmp_path / "d") as client:
            assert client.jobs() == []
        proxy.close()
    assert proxy.cuts == 0
