import pytest

PRINCETON = "weights/raft-small-princeton.pth"


@pytest.fixture(autouse=True)
def folder(home, monkeypatch):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(home / "weights"))
    return home / "weights"


def test_the_place_of_weights_is_told_before_they_are_there(impasto, folder) -> None:
    assert impasto("models", "path").out == f"{folder}\n"
    assert impasto("models", "path", "raft-small").out == f"{folder / 'raft_small_C_T_V2-01064c6d.pth'}\n"
    told = {line.split(":")[0] for line in impasto("models", "verify").out.splitlines()}
    assert told == {"impasto.safetensors", "impasto-mattes.safetensors"}, "only what comes with the program"


@pytest.mark.assets
def test_weights_brought_here_are_imported_and_verified(impasto, assets, folder) -> None:
    assert impasto("models", "import", assets / PRINCETON).out.startswith(
        f"{folder / 'raft-small-princeton.pth'}: licence BSD-3-Clause"
    )
    assert "raft-small-princeton.pth: right, SHA-256 c7d41b9c" in impasto("models", "verify").out
    with (folder / "raft-small-princeton.pth").open("ab") as file:
        file.write(b"!")
    changed = impasto("models", "verify", "raft-small-princeton.pth")
    assert (changed.code, changed.err.count("\n")) == (1, 1)
    assert "delete it and fetch it again" in changed.err


def test_without_a_network_a_pull_ends_in_one_sentence(impasto, monkeypatch) -> None:
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    ended = impasto("models", "pull", "raft-small")
    assert ended.code == 1
    assert "licence BSD-3-Clause; trained on FlyingChairs" in ended.out
    assert "could not be fetched from https://" in ended.err


def test_a_file_no_model_knows_and_an_unknown_name_are_refused(impasto, home) -> None:
    (home / "strange.pth").write_bytes(b"strange")
    strange = impasto("models", "import", home / "strange.pth")
    assert (strange.code, "which no model knows" in strange.err) == (2, True)
    unknown = impasto("models", "pull", "raft-huge")
    assert (unknown.code, "No weights are published for 'raft-huge'; there are: " in unknown.err) == (2, True)
