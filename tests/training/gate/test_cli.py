"""What the steps of the gate's training leave behind, and what they refuse to go on with."""

import argparse
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training has an environment of its own")

from moments.errors import UserError  # noqa: E402
from tests.training.synthetic import corpora, sound, write  # noqa: E402
from training.cli import register  # noqa: E402
from training.gate import cli, fit, pack, report, tracks, tune  # noqa: E402
from training.gate.net import GateNet  # noqa: E402


def gate(step: str, *words: str | Path) -> None:
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    args = parser.parse_args(["train", "gate", step, *map(str, words)])
    args.run(args)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | Path]:
    """All corpora, tiny; a net of one epoch; weights that ship."""
    data = corpora(tmp_path / "data")
    for corpus in ("ambience", "nonverbal", "spoken"):
        sound(data / corpus / "a.wav", 200.0, 1.0, seed=6)
        write(data / corpus, ["path", "label", "seconds"], [["a.wav", "river", "1.000"]])
    monkeypatch.setattr(fit, "EPOCHS", 2)
    monkeypatch.setattr(tracks, "PER_FILE", 2)
    monkeypatch.setattr(tracks, "FILES", {"train": {"noise": 2, "near-others": 1}})
    monkeypatch.setattr(cli, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(pack, "pack", _pack)
    monkeypatch.setattr(tune, "tune", lambda weights, _: _said(weights, "tuned"))
    _pack(GateNet(), tmp_path / "weights" / "gate.tflite", "before")
    return ["--data", data, "--cache", tmp_path / "cache"]


def _pack(_: GateNet, path: Path, part: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(part.encode())
    sidecar = {"name": "gate", "sha256": "", "labels": [], "meta": {"learned": part, "thresholds": "untuned"}}
    golden = {"low": 0, "high": 1, "tolerance": 0.1, "outputs": []}
    path.with_suffix(".json").write_text(json.dumps(sidecar | {"golden": golden}))


def _said(weights: Path, thresholds: str) -> None:
    sidecar = json.loads(weights.with_suffix(".json").read_text())
    sidecar["meta"]["thresholds"] = thresholds
    weights.with_suffix(".json").write_text(json.dumps(sidecar))


def fitted(folders: list[str | Path], name: str, epochs: int = 2) -> Path:
    """Leave a checkpoint as `fit` does; gives the folder it is in."""
    made = Path(cli._made(argparse.Namespace(data=Path(folders[1]), cache=Path(folders[3]))))
    made.mkdir(parents=True, exist_ok=True)
    torch.save({"epochs": epochs, "averaged": GateNet().state_dict(), "parts": []}, made / f"{name}.pt")
    return made


def meta(weights: Path) -> dict[str, str]:
    told: dict[str, str] = json.loads(weights.with_suffix(".json").read_text())["meta"]
    return told


def test_a_net_that_heard_the_test_part_does_not_take_the_place_of_one_that_is_measured(
    folders: list[str | Path],
) -> None:
    made = fitted(folders, "train-without-nemo")
    fitted(folders, "all-without-nemo")
    gate("pack", "--without", "nemo", *folders)
    gate("pack", "--part", "all", "--without", "nemo", *folders)
    assert meta(made / "train-without-nemo" / "gate.tflite")["learned"] == "train"
    assert meta(made / "all-without-nemo" / "gate.tflite")["learned"] == "all"


def test_a_net_that_is_not_fitted_to_the_end_is_not_packed(folders: list[str | Path]) -> None:
    made = fitted(folders, "train", epochs=1)
    with pytest.raises(UserError, match=r"train\.pt holds 1 of 2 epochs; run `moodscape train gate fit`"):
        gate("pack", *folders)
    assert not (made / "train").exists()


def test_weights_take_the_place_of_those_that_ship_when_they_are_tuned(
    folders: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, ships = fitted(folders, "all"), tmp_path / "weights" / "gate.tflite"

    def stopped(weights: Path, _: object) -> None:
        assert meta(weights)["thresholds"] == "untuned"
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tune, "tune", stopped)
        with pytest.raises(KeyboardInterrupt):
            gate("pack", "--part", "all", *folders)
    assert (ships.read_bytes(), meta(ships)["learned"]) == (b"before", "before")
    gate("pack", "--part", "all", *folders)
    assert ships.read_bytes() == b"all"
    assert meta(ships) == {"learned": "all", "thresholds": "tuned"}
    assert sorted(path.name for path in (*made.iterdir(), *ships.parent.iterdir())) == [
        "all.pt", "gate.json", "gate.tflite",
    ]  # fmt: skip


def test_tracks_that_a_stopped_mix_lacks_are_told_before_anything_is_fitted(
    folders: list[str | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    monkeypatch.setattr(fit, "fit", lambda made, *_: heard.append(len(made["noise"].power)))
    monkeypatch.setattr(tracks, "_together", lambda paths: tracks.Tracks(*3 * (paths,)))
    told = r"train/near-others-00\.npz and 2 more; run `moodscape train gate mix --part train` first"
    with pytest.raises(UserError, match=f"tracks are missing: .*{told}"):
        gate("fit", *folders)
    gate("mix", *folders)
    gate("fit", *folders)
    assert heard == [2]
    (lost,) = Path(folders[3]).rglob("noise-01.npz")
    lost.unlink()
    with pytest.raises(UserError, match=r"train/noise-01\.npz; run"):
        gate("fit", *folders)
    assert heard == [2]


def test_what_was_made_of_other_recordings_or_folds_is_not_gone_on_with(folders: list[str | Path]) -> None:
    made = fitted(folders, "train")
    manifest = Path(folders[1]) / "ravdess" / "manifest.tsv"
    manifest.write_bytes(manifest.read_bytes().replace(b"\t2\t1.000", b"\t6\t1.000"))
    assert fitted(folders, "train") != made


@pytest.mark.parametrize("spoilt", ["ships", "train", "train-without-nemo"])
def test_a_net_that_heard_the_test_part_is_not_measured(
    folders: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    monkeypatch.setattr(report, "write", lambda *_: pytest.fail("it was measured"))
    made = fitted(folders, "train")
    files = {name: made / name / "gate.tflite" for name in ("train", "train-without-nemo")}
    for name, file in (files | {"ships": tmp_path / "weights" / "gate.tflite"}).items():
        _pack(GateNet(), file, "all" if name == spoilt else "train")
    with pytest.raises(UserError, match=r"gate\.tflite has heard the sounds that the report measures with"):
        gate("report", *folders, "--out", tmp_path / "gate.md")
