"""Styles through the real run: several at once, under masks and in ranges, by every door a job has."""

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from impasto.server import plates
from impasto.server.config import ServerConfig
from impasto.server.errors import BadRequest, NotReady
from impasto.server.jobs.planning.check_files import refuse_wrong_inputs
from impasto.server.jobs.planning.plan import make_plan
from impasto.server.jobs.running.run import run
from impasto.server.jobs.task import Task
from impasto.server.models import card, catalogue, weights
from impasto.server.models.style import adain, impasto
from impasto.server.models.style.vgg19 import NormalisedVGG19
from impasto.v1.job_pb2 import JobSpec, Mask, MaskFiles, Style
from impasto.v1.plate_pb2 import FileRef, FrameFile

WIDTH, HEIGHT = 64, 48
FRAMES = range(1, 4)


@dataclass
class Memory:
    kept: dict = field(default_factory=dict)

    def load(self, key):
        return self.kept.get(key)

    def save(self, key, arrays):
        self.kept[key] = {name: np.array(array) for name, array in arrays.items()}


@dataclass
class Listener:
    written: dict = field(default_factory=dict)
    stages: list = field(default_factory=list)

    def progress(self, stage, frame, view, fraction):
        self.stages.append(stage)

    def frame_done(self, frame, view, path, figures):
        self.written[frame] = path

    def frame_failed(self, frame, view, reason, message):
        raise AssertionError(message)

    def warning(self, message):
        pass

    def shots_found(self, cuts, shots):
        pass

    def file_made(self, what, path, wished):
        pass


def ref(path: Path) -> FileRef:
    return FileRef(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=path.stat().st_size, path=str(path))


@pytest.fixture
def shot(tmp_path):
    """Three frames of noise that moves, with a lamp of 43, a matte of the left half, and an alpha with a hole."""
    noise = cv2.GaussianBlur(np.random.default_rng(1).random((HEIGHT, WIDTH + 8, 3)).astype(np.float32), (0, 0), 2)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    for frame in FRAMES:
        light = 0.05 + 0.7 * noise[:, frame : frame + WIDTH]
        light[20:24, 40:44] = 43.0
        alpha = np.ones((HEIGHT, WIDTH), np.float32)
        alpha[:6, :6] = 0
        matte = np.zeros((HEIGHT, WIDTH), np.float16)
        matte[:, : WIDTH // 2] = 1
        channels = {name: (light[..., i] * alpha).astype(np.float16) for i, name in enumerate("RGB")}
        channels |= {"A": alpha.astype(np.float16), "matte.a": matte}
        plates.write(tmp_path / f"p.{frame:04}.exr", plates.Plate(channels, window, window))
    rng = np.random.default_rng(2)
    for name in ("one", "two"):
        small = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{name}.png"), cv2.resize(small, (96, 96), interpolation=cv2.INTER_NEAREST))
    return tmp_path


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """A build whose look of the house has seeded weights."""
    folder = tmp_path / "bundled"
    shutil.copytree(card.BUNDLED, folder)
    torch.manual_seed(0)
    net = impasto.ImpastoNet()
    save_file({key: value.half() for key, value in net.state_dict().items()}, folder / "impasto.safetensors")
    data = (folder / "impasto.safetensors").read_bytes()
    told = {"file": "impasto.safetensors", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "impasto.json").write_text(json.dumps(told | {"licence": "Apache-2.0", "trained_on": "nothing"}))
    monkeypatch.setattr(card, "BUNDLED", folder)
    monkeypatch.setattr(weights, "BUNDLED", folder)
    # On a small canvas, so that tests are quick.
    small = replace(impasto.MODEL, weights=card.bundled("impasto"), canvas=256)
    monkeypatch.setitem(catalogue.catalogue(), "impasto", small)


def job(folder: Path, *styles: Style, **wish) -> JobSpec:
    spec = JobSpec()
    spec.plate.pattern, spec.plate.shot, spec.plate.frames = str(folder / "p.####.exr"), "1-3", "1-3"
    for frame in FRAMES:
        spec.plate.files.append(FrameFile(frame=frame, file=ref(folder / f"p.{frame:04}.exr")))
    spec.output.pattern = str(folder / "out" / "o.####.exr")
    spec.stylize.styles.extend(styles)
    spec.stylize.style_scale = 4.0
    for name, value in wish.items():
        if isinstance(value, Mask):
            getattr(spec.stylize, name).CopyFrom(value)
        else:
            setattr(spec.stylize, name, value)
    return spec


def style(folder: Path, name: str = "one", **fields) -> Style:
    return Style(name=f"{name}.png", file=ref(folder / f"{name}.png"), **fields)


def make(folder: Path, spec: JobSpec, store=None, listener=None):
    """Run a job; its frames as (H, W, 3) float32, and the whole plates."""
    (folder / "out").mkdir(exist_ok=True)
    header = plates.read_header(folder / "p.0001.exr")
    plan = make_plan(spec, ServerConfig(device="cpu", threads=1), header)
    listener = listener or Listener()
    run(
        Task(
            spec,
            plan,
            local=lambda file: Path(file.path),
            target=lambda frame, view: folder / "out" / f"o.{frame}.exr",
            beside=lambda name: folder / "out" / name,
            done=frozenset(),
            store=store or Memory(),
            listener=listener,
            cancelled=lambda: False,
        )
    )
    return {frame: plates.read(path) for frame, path in sorted(listener.written.items())}


def colour(plate):
    return np.stack([plate.channels[name].astype(np.float32) for name in "RGB"], -1)


def before(folder, frame):
    return plates.read(folder / f"p.{frame:04}.exr")


def test_the_bundled_look_paints_once_its_file_and_card_are_there(shot, bundled):
    found = make(shot, job(shot, style(shot), look="impasto"))
    assert list(found) == [1, 2, 3]
    change = np.abs(colour(found[2]) - colour(before(shot, 2)))[8:, :36]
    assert change.mean() > 0.02


def test_without_its_file_the_bundled_look_says_that_it_is_not_in_this_build(shot, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "BUNDLED", tmp_path)
    with pytest.raises(NotReady, match="The weights of 'impasto' are not in this build"):
        make(shot, job(shot, style(shot), look="impasto"))


def test_paint_never_clamps_the_plate_and_leaves_alpha_mattes_and_holes(shot, bundled):
    found = make(shot, job(shot, style(shot), look="impasto"))
    for frame, plate in found.items():
        was = before(shot, frame)
        for name in ("A", "matte.a"):
            assert plate.channels[name].tobytes() == was.channels[name].tobytes()
            assert plate.channels[name].dtype == was.channels[name].dtype
        rgb = colour(plate)
        assert plate.channels["R"].dtype == np.float16
        assert np.isfinite(rgb).all()
        assert not rgb[:6, :6].any()
        assert rgb[21:23, 41:43].max() > 3.0


def test_a_mask_of_the_plate_limits_the_paint_bit_for_bit(shot, bundled):
    found = make(shot, job(shot, style(shot), look="impasto", mask=Mask(layer="matte")))
    for frame, plate in found.items():
        was = before(shot, frame)
        for name in "RGB":
            assert plate.channels[name][:, WIDTH // 2 :].tobytes() == was.channels[name][:, WIDTH // 2 :].tobytes()
            assert (plate.channels[name] != was.channels[name])[8:, : WIDTH // 2].mean() > 0.9


def test_a_masked_style_lies_over_the_other_and_one_mask_serves_all_frames(shot, bundled):
    half = np.zeros((HEIGHT, WIDTH), np.uint8)
    half[:, : WIDTH // 2] = 255
    cv2.imwrite(str(shot / "half.png"), half)
    file = FrameFile(file=ref(shot / "half.png"))
    roto = Mask(files=MaskFiles(pattern=str(shot / "half.png"), files=[file]))
    both = make(shot, job(shot, style(shot), style(shot, "two", mask=roto), look="impasto"))
    alone = [make(shot, job(shot, style(shot, name), look="impasto")) for name in ("one", "two")]
    for frame in FRAMES:
        assert np.array_equal(colour(both[frame])[:, WIDTH // 2 :], colour(alone[0][frame])[:, WIDTH // 2 :])
        assert np.allclose(
            colour(both[frame])[:, : WIDTH // 2], colour(alone[1][frame])[:, : WIDTH // 2], rtol=0.01, atol=1e-3
        )


@pytest.fixture
def inverted(tmp_path, monkeypatch):
    """A folder of weights with a seeded AdaIN of relu1_1, on a small canvas."""
    folder = tmp_path / "weights"
    folder.mkdir()
    torch.manual_seed(0)
    torch.save(adain.Decoder("relu1_1").state_dict(), folder / "decoder.pth")
    torch.save(NormalisedVGG19("relu1_1").state_dict(), folder / "vgg_normalised.pth")
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(folder))
    monkeypatch.setitem(catalogue.catalogue(), "adain", replace(adain.MODEL, canvas=192))


def test_masks_that_guide_make_masked_styles_one_painting_each_inside_its_mask(shot, inverted):
    halves = []
    for name, columns in (("left", slice(0, WIDTH // 2)), ("right", slice(WIDTH // 2, WIDTH))):
        half = np.zeros((HEIGHT, WIDTH), np.uint8)
        half[:, columns] = 255
        halves.append(masked(shot, half, f"{name}.png"))
    styles = style(shot, mask=halves[0]), style(shot, "two", mask=halves[1])
    store = Memory()
    guided = make(shot, job(shot, *styles, look="adain", masks_guide=True), store)
    births = [key for key in store.kept if key.startswith("birth")]
    alone = [make(shot, job(shot, style(shot, name), look="adain")) for name in ("one", "two")]
    far = slice(4, WIDTH // 2 - 12), slice(WIDTH // 2 + 12, WIDTH)  # what the canvas and the net see of the other half
    assert 0 < len(births) <= len(FRAMES)  # one painting a frame, not one for every style
    for frame in FRAMES:
        for half, own, other in ((far[0], 0, 1), (far[1], 1, 0)):
            near, wide = (
                np.abs(colour(guided[frame]) - colour(alone[i][frame]))[8:, half].mean() for i in (own, other)
            )
            assert near < 0.1 * wide
    with pytest.raises(BadRequest, match="Masks cannot guide the look swd; choose --look adain, gatys") as refusal:
        make(shot, job(shot, *styles, masks_guide=True))
    assert refusal.value.reason == "LOOK_INVALID"
    with pytest.raises(BadRequest, match="No style has a mask that could guide"):
        make(shot, job(shot, style(shot), look="adain", masks_guide=True))


def test_a_style_changes_over_the_shot_by_its_ranges(shot, bundled):
    styles = style(shot, frames="1-2"), style(shot, "two", frames="3")
    found = make(shot, job(shot, *styles, look="impasto"))
    first = make(shot, job(shot, style(shot, frames="1-2"), look="impasto"))
    assert np.array_equal(colour(found[2]), colour(first[2]))
    for name in "RGB":
        assert first[3].channels[name].tobytes() == before(shot, 3).channels[name].tobytes()


def test_pieces_of_a_job_of_many_styles_give_the_bits_of_the_whole(shot, bundled):
    def spec():
        styles = style(shot, frames="1-2", fade=1), style(shot, "two", frames="2-3", fade=1)
        return job(shot, *styles, style(shot, "two", mask=Mask(layer="matte.a"), weight=0.5), look="impasto")

    whole = make(shot, spec())
    for frame in (3, 2):
        piece = spec()
        piece.plate.frames = str(frame)
        assert np.array_equal(colour(make(shot, piece)[frame]), colour(whole[frame])), frame


def test_the_statistics_of_a_shot_are_measured_once(shot, bundled):
    store, listener = Memory(), Listener()
    make(shot, job(shot, style(shot), look="impasto", seed=1), store, listener)
    assert sum(key.startswith("moments-") for key in store.kept) == len(FRAMES)
    kept = dict(store.kept)
    make(shot, job(shot, style(shot), look="impasto", seed=2), store)
    assert {key for key in store.kept if key.startswith("moments-")} == {k for k in kept if k.startswith("moments-")}


def test_keys_alone_are_followed_in_their_manner_by_the_look_asked_for(shot, bundled):
    spec = job(shot, look="impasto")
    cv2.imwrite(str(shot / "key.png"), np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    spec.stylize.keys.add(frame=1, file=ref(shot / "key.png"), hold="1")
    found = make(shot, spec)
    assert np.abs(colour(found[3]) - colour(before(shot, 3)))[8:, :36].mean() > 0.02


def masked(shot, picture, name):
    cv2.imwrite(str(shot / name), picture)
    file = FrameFile(file=ref(shot / name))
    return Mask(files=MaskFiles(pattern=str(shot / name), files=[file]))


def test_a_mask_that_cannot_be_used_is_one_clear_sentence(shot, bundled):
    small = masked(shot, np.zeros((10, 20), np.uint8), "small.png")
    with pytest.raises(BadRequest, match=r"small\.png is 20x10 and the plate 64x48; give a mask of the plate's size"):
        make(shot, job(shot, style(shot, mask=small), look="impasto"))
    with pytest.raises(BadRequest, match=r"no layer 'roto' for a mask, only A, B, G, R, matte\.a; name one") as refusal:
        make(shot, job(shot, style(shot), look="impasto", mask=Mask(layer="roto")))
    assert refusal.value.reason == "MASK_LAYER"
    broken = masked(shot, np.zeros((HEIGHT, WIDTH), np.uint8), "broken.png")
    (shot / "broken.png").write_bytes((shot / "broken.png").read_bytes()[:40])
    with pytest.raises(BadRequest, match=r"The mask .*broken\.png cannot be read") as refusal:
        make(shot, job(shot, style(shot), look="impasto", mask=broken))
    assert refusal.value.reason == "MASK_UNREADABLE"


def test_what_is_wrong_with_masks_and_weights_is_known_before_a_job_is_kept(shot):
    header = plates.read_header(shot / "p.0001.exr")

    def look(spec):
        refuse_wrong_inputs(spec, lambda file: Path(file.path), plates.Limits(), header, set())

    look(job(shot, style(shot, mask=Mask(layer="matte"))))
    for wrong, reason in [
        (job(shot, style(shot, mask=Mask(layer="roto"))), "MASK_LAYER"),
        (job(shot, style(shot), mask=masked(shot, np.zeros((10, 20), np.uint8), "small.png")), "MASK_SIZE"),
    ]:
        with pytest.raises(BadRequest) as refusal:
            look(wrong)
        assert refusal.value.reason == reason
    torch.save({"fnet.weight": torch.zeros(1)}, shot / "raft.pth")
    with pytest.raises(BadRequest, match=r"raft\.pth is not a Johnson net"):
        look(job(shot, Style(name="raft.pth", file=ref(shot / "raft.pth"))))


def test_weights_of_another_model_are_one_clear_sentence(shot):
    torch.save({"fnet.weight": torch.zeros(1)}, shot / "raft.pth")
    with pytest.raises(BadRequest, match=r"raft\.pth is not a Johnson net \(it lacks"):
        make(shot, job(shot, Style(name="raft.pth", file=ref(shot / "raft.pth"))))


def spliced(folder: Path, *styles: Style, shown: str = "1-8", **wish) -> JobSpec:
    """A range in which noise dissolves into another noise over frames 4 and 5."""
    noises = [
        cv2.GaussianBlur(np.random.default_rng(seed).random((HEIGHT, WIDTH + 8, 3)), (0, 0), 2) for seed in (5, 6)
    ]
    window = plates.Window(0, 0, WIDTH, HEIGHT)
    spec = job(folder, *styles, **wish)
    del spec.plate.files[:]
    for frame in range(1, 9):
        share = min(max((frame - 3) / 3, 0), 1)
        first, second = (noise[:, frame : frame + WIDTH].astype(np.float32) for noise in noises)
        light = (1 - share) * first + share * second
        path = folder / f"p.{frame:04}.exr"
        channels = {name: light[..., place].copy() for place, name in enumerate("RGB")}
        plates.write(path, plates.Plate(channels, window, window))
        spec.plate.files.append(FrameFile(frame=frame, file=ref(path)))
    spec.plate.shot = spec.plate.frames = shown
    spec.plate.cuts = "given"
    spec.stylize.motion.model = "dis"
    return spec


def test_over_a_dissolve_the_paint_of_one_shots_key_fades_into_that_of_the_others(shot):
    spec = spliced(shot, fill="none")
    spec.plate.given_cuts.add(frame=4, until=5)
    for frame, bgr in ((2, (20, 20, 220)), (7, (220, 20, 20))):
        path = shot / f"key{frame}.png"
        cv2.imwrite(str(path), np.full((HEIGHT, WIDTH, 3), bgr, np.uint8))
        spec.stylize.keys.add(frame=frame, file=ref(path))
    found = {frame: colour(plate)[8:-8, 16:-16].mean((0, 1)) for frame, plate in make(shot, spec).items()}
    red, blue = ({frame: float(mean[place]) for frame, mean in found.items()} for place in (0, 2))
    assert all(red[frame] > 5 * blue[frame] for frame in (1, 2, 3))
    assert all(blue[frame] > 5 * red[frame] for frame in (6, 7, 8))
    assert red[3] > red[4] > red[5] > red[6]
    assert blue[3] < blue[4] < blue[5] < blue[6]


def test_a_styles_paint_does_not_cross_a_cut_and_each_shot_is_painted_as_if_it_were_alone(shot, bundled):
    other = style(shot, "two", frames="3-4")
    spec = spliced(shot, style(shot, frames="1-2"), other, shown="1-4", look="impasto")
    spec.plate.given_cuts.add(frame=3)
    whole = {frame: colour(plate) for frame, plate in make(shot, spec).items()}
    alone = make(shot, spliced(shot, other, shown="3-4", look="impasto"))
    assert all(np.array_equal(colour(plate), whole[frame]) for frame, plate in alone.items())
    assert np.abs(whole[1] - colour(before(shot, 1))).mean() > 0.02
