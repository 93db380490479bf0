import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from impasto.server.errors import BadRequest, Denied, NotFound, NotReady
from impasto.server.models import weights as store_of_weights
from impasto.server.models.card import OURS, Model, Weights, bundled
from impasto.server.models.catalogue import catalogue
from impasto.server.models.weights import Store, commercial, default_folder, default_policy, published, read

CONTENT = np.random.RandomState(0).bytes(300_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """A server of one file with the faults of the real world."""

    url: str = ""
    cut_after: int | None = None
    ranges: bool = True
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/file")
                self.end_headers()
                return
            if self.path == "/gone":
                self.send_error(404)
                return
            body = CONTENT if self.path == "/file" else CONTENT[:-1] + b"!"
            start = 0
            if state.ranges and self.headers.get("Range"):
                start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
                if start >= len(body):
                    self.send_error(416)
                    return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = len(body) if state.cut_after is None else start + state.cut_after
            self.wfile.write(body[start:end])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def card(source: str, licence: str = "BSD-3-Clause", sha256: str = SHA) -> Weights:
    return Weights("net.pth", sha256, licence, source, "nothing")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "weights")


def model(*files: Weights) -> Model:
    return Model("net", "flow", "A net.", lambda: None, weights=files[0], alternatives=files[1:])


@pytest.mark.parametrize("path", ["file", "moved"])
def test_a_file_is_fetched_checked_and_kept(store, site, path):
    told: list[tuple[int, int]] = []
    kept = store.pull(card(f"{site.url}/{path}"), progress=lambda have, total: told.append((have, total)))
    assert kept.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [file.name for file in store.folder.iterdir()] == ["net.pth"]


def test_a_file_that_is_here_is_not_fetched_again(store, site):
    for _ in range(2):
        store.pull(card(f"{site.url}/file"))
    assert site.asked == ["/file"]


def test_a_checksum_of_which_only_the_first_digits_are_published_is_enough_and_eight_are_needed(store, site):
    assert store.pull(card(f"{site.url}/file", sha256=SHA[:8])).is_file()
    assert not card("", sha256=SHA[:7]).matches(SHA)


def test_a_wrong_checksum_is_refused_and_nothing_kept(store, site):
    with pytest.raises(NotReady, match=r"gave a file with the SHA-256 .* instead of .*nothing was kept") as error:
        store.pull(card(f"{site.url}/other"))
    assert error.value.reason == "WEIGHTS_CHANGED"
    assert list(store.folder.iterdir()) == []


def test_a_cut_connection_is_gone_on_from(store, site):
    site.cut_after = 100_000
    with pytest.raises(NotReady, match="run the same command again to go on where it ended"):
        store.pull(card(f"{site.url}/file"))
    site.cut_after = None
    assert store.pull(card(f"{site.url}/file")).read_bytes() == CONTENT
    assert site.asked == ["/file", "/file bytes=100000-"]


def test_a_server_that_knows_no_ranges_begins_anew(store, site):
    site.cut_after = 100_000
    with pytest.raises(NotReady):
        store.pull(card(f"{site.url}/file"))
    site.cut_after, site.ranges = None, False
    assert store.pull(card(f"{site.url}/file")).read_bytes() == CONTENT


def test_what_was_whole_but_not_yet_checked_is_checked(store, site):
    store.folder.mkdir()
    (store.folder / "net.pth.part").write_bytes(CONTENT)
    assert store.pull(card(f"{site.url}/file")).read_bytes() == CONTENT


def test_a_missing_file_and_a_server_that_is_not_there_are_one_sentence(store, site):
    with pytest.raises(NotReady, match=r"could not be fetched from .*/gone: the server answered 404"):
        store.pull(card(f"{site.url}/gone"))
    with pytest.raises(NotReady, match=r"could not be fetched from .*refused.*`impasto models import FILE`"):
        store.pull(card("http://127.0.0.1:9/file"))


def test_what_has_no_address_can_only_be_imported(store):
    with pytest.raises(NotReady, match=r"no address to fetch it from \(a disk in the post\)"):
        store.pull(card("a disk in the post"))


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "MIT AND CC-BY-NC-SA-4.0", "whatever"])
def test_a_licence_not_known_to_allow_commercial_work_must_be_accepted(store, site, licence):
    with pytest.raises(Denied, match=rf"under {licence}, .* --accept-licence"):
        store.pull(card(f"{site.url}/file", licence))
    assert site.asked == []
    assert store.pull(card(f"{site.url}/file", licence), accept_licence=True).is_file()


def test_the_commercial_policy_refuses_by_licence_whatever_was_accepted(store, site):
    strict, bound = replace(store, policy="commercial"), card(f"{site.url}/file", "CC-BY-NC-4.0")
    store.pull(bound, accept_licence=True)
    for door in (lambda: strict.pull(bound, accept_licence=True), lambda: strict.ready(model(bound))):
        with pytest.raises(Denied, match=r"CC-BY-NC-4[.]0, which the policy 'commercial' refuses"):
            door()
    assert store.ready(model(bound)) == store.path(bound)
    assert strict.ready(model(replace(bound, licence="BSD-3-Clause AND CC-BY-4.0")))


def test_only_licences_known_to_allow_commercial_work_pass():
    assert commercial("MIT")
    assert not any(commercial(licence) for licence in ("", "GPL-3.0-only AND MIT", "research", "cc-by-nc-4.0"))


def test_the_first_file_of_a_card_that_is_here_is_taken(store):
    best, other = replace(card("x"), file="best.pth"), card("x")
    with pytest.raises(NotReady, match=r"'net' are not on this machine; fetch them with `impasto models pull net`"):
        store.ready(model(best, other))
    store.folder.mkdir()
    store.path(other).write_bytes(CONTENT)
    assert store.ready(model(best, other)) == store.path(other)


def test_a_changed_file_is_never_used(store):
    store.folder.mkdir()
    store.path(card("x")).write_bytes(CONTENT[:-1])
    for door in (lambda: store.ready(model(card("x"))), lambda: store.verify(card("x"))):
        with pytest.raises(NotReady, match=r"net\.pth has the SHA-256 .* delete it and fetch it again"):
            door()


def test_verifying_what_is_not_here_says_so(store):
    with pytest.raises(NotFound, match=r"net\.pth is not in .*weights"):
        store.verify(card("x"))


@pytest.mark.assets
def test_an_imported_file_is_known_by_its_checksum_under_any_name(store, assets, tmp_path):
    brought = tmp_path / "brought.bin"
    brought.write_bytes((assets / "weights/raft-small-princeton.pth").read_bytes())
    taken = store.take(brought)
    assert taken.file == "raft-small-princeton.pth"
    assert store.verify(taken) == taken.sha256
    assert store.ready(catalogue()["raft-small"]) == store.path(taken)


def test_an_import_of_something_else_is_refused_in_one_sentence(store, tmp_path):
    strange, damaged = tmp_path / "strange.pth", tmp_path / "raft_small_C_T_V2-01064c6d.pth"
    strange.write_bytes(CONTENT)
    damaged.write_bytes(CONTENT)
    with pytest.raises(BadRequest, match=r"strange\.pth has the SHA-256 .*, which no model knows; import one of"):
        store.take(strange)
    with pytest.raises(BadRequest, match=r"instead of 01064c6dba73b0fc; it was damaged on the way"):
        store.take(damaged)
    with pytest.raises(NotFound, match=r"no file .*gone\.pth to import"):
        store.take(tmp_path / "gone.pth")
    assert not store.folder.exists()


def test_every_published_file_has_a_licence_and_the_checksum_its_publisher_gave():
    for _, weights in published().values():
        assert weights.licence
        if weights.source == OURS and not weights.sha256:
            continue  # not in this build
        assert weights.trained_on
        assert len(weights.sha256) in (0, 8, 64), weights.file
        assert int(weights.sha256 or "0", 16) >= 0


def test_a_file_without_a_published_checksum_is_taken_by_its_name_and_a_later_change_is_noticed(store, tmp_path):
    brought = tmp_path / "decoder.pth"
    brought.write_bytes(CONTENT)
    taken = store.take(brought)
    assert (taken.file, store.verify(taken)) == ("decoder.pth", SHA)
    store.path(taken).write_bytes(CONTENT + b"!")
    with pytest.raises(NotReady, match="was damaged or changed"):
        store.verify(taken)


def test_a_net_of_several_files_is_ready_when_all_of_one_choice_are_here(store, site):
    beside = replace(card(f"{site.url}/file"), file="encoder.pth")
    whole = replace(card(f"{site.url}/file"), beside=(beside,))
    net = model(whole)
    store.pull(whole)
    with pytest.raises(NotReady, match="are not on this machine"):
        store.ready_files(net)
    store.pull(beside)
    assert store.ready_files(net) == (store.path(whole), store.path(beside))
    assert [file.file for file in net.published] == ["net.pth", "encoder.pth"]


def test_weights_that_come_with_the_program_are_told_by_their_card(monkeypatch, tmp_path, store):
    monkeypatch.setattr("impasto.server.models.card.BUNDLED", tmp_path)
    monkeypatch.setattr("impasto.server.models.weights.BUNDLED", tmp_path)
    absent = bundled("ours")
    with pytest.raises(NotReady, match="are not in this build; choose another model"):
        store.ready(model(absent))
    (tmp_path / "ours.safetensors").write_bytes(CONTENT)
    told = {"file": "ours.safetensors", "sha256": SHA, "bytes": len(CONTENT), "trained_on": "paintings", "hours": 2}
    (tmp_path / "ours.json").write_text(json.dumps(told))
    found = bundled("ours")
    assert (found.trained_on, found.size, found.metrics) == ("paintings", len(CONTENT), "hours: 2")
    assert store.ready(model(found)) == tmp_path / "ours.safetensors"


def test_torchvision_files_carry_their_checksum_in_their_name():
    files = [weights for owner, weights in published().values() if owner.id.startswith("raft-")]
    named = [weights for weights in files if weights.source.startswith("https://")]
    assert len(named) == 8
    assert all(weights.file.endswith(f"-{weights.sha256[:8]}.pth") for weights in named)
    assert all(weights.source.endswith(f"/{weights.file}") for weights in named)


def test_the_folder_is_the_one_named_or_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path / "studio"))
    assert default_folder() == tmp_path / "studio"
    monkeypatch.delenv("IMPASTO_WEIGHTS")
    if os.name == "posix":
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        assert default_folder() == tmp_path / "impasto" / "weights"


def test_an_unknown_policy_is_refused(monkeypatch):
    monkeypatch.setenv("IMPASTO_MODELS_POLICY", "lax")
    with pytest.raises(BadRequest, match="IMPASTO_MODELS_POLICY is 'lax'; set it to any or commercial"):
        default_policy()
    monkeypatch.delenv("IMPASTO_MODELS_POLICY")
    assert default_policy() == "any"
    assert store_of_weights.default_store().policy == "any"


def test_named_tensors_are_read_from_both_kinds_of_file(tmp_path):
    named = {"a": torch.rand(2, 3), "b": torch.arange(4)}
    torch.save(named, tmp_path / "plain.pth")
    torch.save({"state_dict": named, "epoch": 3}, tmp_path / "trained.tar")
    save_file(named, tmp_path / "safe.safetensors")
    for file in ("plain.pth", "trained.tar", "safe.safetensors"):
        found = read(tmp_path / file)
        assert all(torch.equal(found[key], value) for key, value in named.items()), file


def test_what_is_not_named_finite_tensors_is_refused(tmp_path):
    for content, words in [
        ([1, 2], "holds a list instead of named weights"),
        ({"a": 5}, "holds a int under 'a' where weights are expected"),
        ({"a": torch.tensor([float("nan")])}, "numbers that are not finite in 'a'"),
    ]:
        torch.save(content, tmp_path / "wrong.pth")
        with pytest.raises(BadRequest, match=words):
            read(tmp_path / "wrong.pth")
    for name in ("cut.pth", "cut.safetensors"):
        (tmp_path / name).write_bytes(CONTENT[:1000])
        with pytest.raises(BadRequest, match=rf"{name.replace('.', '[.]')} is (damaged|not a plain weights file)"):
            read(tmp_path / name)
    with pytest.raises(NotFound, match=r"no weights file .*gone\.pth"):
        read(tmp_path / "gone.pth")
