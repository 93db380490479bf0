from types import SimpleNamespace

import pytest
from world import copying, private, write_plates

from impasto.server.jobs.inputs.places import Places
from impasto.server.jobs.queueing.queue import Queue
from impasto.server.jobs.records.cache import Cache
from impasto.server.jobs.records.store import JobStore


@pytest.fixture
def rooms(tmp_path):
    """Makes a queue with everything around it; taken down again at the end."""
    made = []

    def make(runner=copying, roots=(tmp_path,), **values):
        config = private(tmp_path / "server", roots=roots, **values)
        store = JobStore(config.state_dir)
        cache = Cache(config.cache_dir, config.cache_bytes, config.state_dir / "uploads")
        places = Places(config.roots, cache, config.state_dir / "frames")
        queue = Queue(config, store, cache, places, runner)
        room = SimpleNamespace(queue=queue, store=store, cache=cache, places=places)
        made.append(room)
        queue.start()
        return room

    yield make
    for room in made:
        room.queue.stop(5)
        room.store.close()
        room.places.close()


@pytest.fixture
def files(tmp_path):
    return write_plates(tmp_path / "plates")
