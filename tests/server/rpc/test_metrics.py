import re
import urllib.error
import urllib.request

import pytest
from world import motion_job, serving, until, write_plates

from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, NotReady
from impasto.v1.job_pb2 import CreateJobRequest


def asked(address):
    """What is told, by name; nothing where nobody answers yet."""
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except urllib.error.URLError:
        return {}
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def test_whoever_watches_sees_jobs_frames_stages_bytes_and_cache(tmp_path):
    files = write_plates(tmp_path / "plates")
    with serving(tmp_path / "s", metrics="127.0.0.1:0") as (running, caller):
        address = running.metrics
        request = CreateJobRequest(spec=motion_job(files, tmp_path / "out"))
        name = caller.jobs.CreateJob(request, timeout=30).job.name
        for path in files.values():
            caller.upload(path)
        caller.watch(name)
        seen = {}
        until(lambda: seen.update(asked(address)) or 'impasto_jobs_ended_total{state="succeeded"}' in seen)
        seen.update(asked(address))
    assert seen['impasto_jobs{state="succeeded"}'] == 1
    assert seen['impasto_frames_total{result="done"}'] == 3
    assert seen['impasto_jobs_ended_total{state="succeeded"}'] == 1
    assert seen['impasto_bytes_total{direction="received"}'] == sum(path.stat().st_size for path in files.values())
    assert seen['impasto_cache_looks_total{kind="file",result="miss"}'] > 0
    assert 'impasto_stage_seconds_total{stage="copying"}' in seen
    assert seen['impasto_jobs_running{device="cpu"}'] == 0
    assert seen["process_resident_memory_bytes"] > 0


def test_an_address_in_use_is_told_and_the_state_let_go(tmp_path):
    with serving(tmp_path / "a", listen="127.0.0.1:0") as (running, _):
        with pytest.raises(NotReady, match="--metrics"), serving(tmp_path / "b", metrics=running.address):
            pass
        with serving(tmp_path / "b") as (free, _):
            assert free.metrics == ""


def test_metrics_for_other_machines_want_tls_or_insecure():
    with pytest.raises(BadRequest, match="TLS"):
        ServerConfig.read(metrics="0.0.0.0:9000")
    with pytest.raises(BadRequest, match="HOST:PORT"):
        ServerConfig.read(metrics="9000")
    assert ServerConfig.read(metrics="0.0.0.0:9000", insecure=True).metrics == "0.0.0.0:9000"
