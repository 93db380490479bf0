import re
from pathlib import Path

import pytest

from impasto.server.config import ELSEWHERE, ServerConfig, _cgroup_quota, available_threads
from impasto.server.errors import BadRequest


def test_flags_stand_above_the_environment_and_that_above_the_file(tmp_path, monkeypatch):
    file = tmp_path / "impasto.toml"
    file.write_text(f'threads = 2\nmemory = 1000000000\nlog_level = "error"\nroots = ["{tmp_path}"]\n')
    monkeypatch.setenv("IMPASTO_MEMORY", "2000000000")
    monkeypatch.setenv("IMPASTO_LOG_LEVEL", "warning")
    config = ServerConfig.read(file, log_level="debug", device=None)
    assert (config.threads, config.memory, config.log_level) == (2, 2_000_000_000, "debug")
    assert config.roots == (tmp_path,)
    assert config.device == "auto"


def test_the_environment_names_the_cache_and_lists_roots_as_in_path(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMPASTO_ROOTS", f"{tmp_path}:/")
    config = ServerConfig.read()
    assert config.cache_dir == tmp_path / "cache"
    assert config.roots == (tmp_path, Path("/"))


def test_an_unknown_setting_is_refused_wherever_it_stands(tmp_path, monkeypatch):
    file = tmp_path / "impasto.toml"
    file.write_text("treads = 2\n")
    with pytest.raises(BadRequest, match="'treads'"):
        ServerConfig.read(file)
    with pytest.raises(BadRequest, match="'treads'"):
        ServerConfig.read(treads=2)
    monkeypatch.setenv("IMPASTO_TREADS", "2")
    with pytest.raises(BadRequest, match="IMPASTO_TREADS"):
        ServerConfig.read()


def test_every_variable_the_code_reads_is_known():
    project = Path(__file__).resolve().parents[2]
    files = [file for folder in ("server", "nuke_plugin") for file in (project / folder).rglob("*.py")]
    named = {
        name for file in files for name in re.findall(r'environ[^\n]*"(IMPASTO_[A-Z_]+)"', file.read_text("utf-8"))
    }
    fields = {f"IMPASTO_{name.upper()}" for name in ServerConfig.model_fields} | {"IMPASTO_CACHE"}
    assert named <= fields | ELSEWHERE


@pytest.mark.parametrize("text", ["threads = ", "\udcff"])
def test_a_file_that_is_no_toml_is_named(tmp_path, text):
    file = tmp_path / "impasto.toml"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadRequest, match=r"impasto\.toml"):
        ServerConfig.read(file)
    with pytest.raises(BadRequest, match=r"absent\.toml"):
        ServerConfig.read(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"listen": "nowhere"}, "HOST:PORT"),
        ({"listen": "127.0.0.1:99999"}, "HOST:PORT"),
        ({"threads": -1}, "threads"),
        ({"device": "tpu"}, "device"),
        ({"roots": ("relative",)}, "relative"),
        ({"tls_cert": Path("a.pem")}, "tls_key"),
        ({"tls_client_ca": Path("a.pem")}, "tls_cert"),
    ],
)
def test_a_wrong_value_is_named(values, word):
    with pytest.raises(BadRequest, match=word) as caught:
        ServerConfig.read(**values)
    assert caught.value.reason == "CONFIG_INVALID"


def test_an_address_others_reach_needs_tls_and_a_token_or_the_word_insecure(tmp_path):
    pair = {"tls_cert": tmp_path / "c", "tls_key": tmp_path / "k"}
    with pytest.raises(BadRequest, match="no TLS"):
        ServerConfig.read(listen="0.0.0.0:50740", token="t")
    with pytest.raises(BadRequest, match="no token"):
        ServerConfig.read(listen="render01:50740", **pair)
    assert not ServerConfig.read(listen="0.0.0.0:50740", token="t", **pair).local
    assert not ServerConfig.read(listen="0.0.0.0:50740", insecure=True).local
    assert not ServerConfig.read(listen="[::]:50740", tls_client_ca=tmp_path / "a", **pair).local


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.9.9.9:1", "[::1]:5", "localhost:5", "unix:/tmp/s"])
def test_loopback_and_sockets_need_no_token(listen):
    assert ServerConfig.read(listen=listen).local


def test_the_token_comes_from_its_file_and_never_shows(tmp_path):
    file = tmp_path / "token"
    file.write_text("secret\n")
    assert ServerConfig.read(token_file=file).tokens == {"secret": ""}
    assert "secret" not in repr(ServerConfig.read(token="secret"))
    file.write_text("\n")
    with pytest.raises(BadRequest, match="empty"):
        _ = ServerConfig.read(token_file=file).tokens
    with pytest.raises(BadRequest, match="absent"):
        _ = ServerConfig.read(token_file=tmp_path / "absent").tokens


def test_an_embedded_server_is_private_and_sees_all_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    monkeypatch.setenv("IMPASTO_LISTEN", "0.0.0.0:50740")
    one, two = ServerConfig.embedded(device="cpu", threads=None), ServerConfig.embedded()
    try:
        assert one.listen.startswith("unix:")
        assert one.listen != two.listen
        assert one.state_dir != two.state_dir
        assert one.cache_dir == two.cache_dir == tmp_path
        assert one.roots == (Path("/"),)
        assert one.temporary
        assert (one.state_dir.stat().st_mode & 0o777) == 0o700
    finally:
        one.state_dir.rmdir()
        two.state_dir.rmdir()


def test_the_configuration_cannot_be_changed():
    config = ServerConfig.read()
    with pytest.raises(Exception, match="frozen"):
        config.threads = 3


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_the_quota_of_a_control_group_is_read(tmp_path, files, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _cgroup_quota(tmp_path) == quota


def test_at_least_one_thread_may_be_used():
    assert available_threads() >= 1
    assert ServerConfig.read(threads=3).worker_threads == 3
