"""Speech from Debian's packages becomes a corpus: real packages, built here, of made sounds."""

import csv
import logging
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from moments.errors import UserError
from training.gate import gather
from training.gate.gather import PACKAGES

RATE = 16_000


def buzz(noise: float) -> np.ndarray:
    """Half a second of a buzz between pauses, over noise."""
    t = np.arange(RATE) / RATE
    sound = np.sign(np.sin(2 * np.pi * 150 * t)) * (np.abs(t - 0.5) < 0.25)
    return 0.3 * sound + noise * np.random.default_rng(0).standard_normal(RATE)


def write(path: Path, noise: float = 1e-4) -> None:
    """Write a buzz as G.722, as the telephone exchange has it, or as Ogg."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".ogg":
        soundfile.write(path, buzz(noise), RATE)
        return
    with av.open(str(path), "w", format="g722") as file:
        stream = file.add_stream("g722", rate=RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray((buzz(noise) * 32_767).astype(np.int16)[None], format="s16", layout="mono")
        frame.rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """All packages; each holds a voice, and something that must not be taken for one."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in PACKAGES:
        root = tmp_path / name
        if name.startswith("asterisk"):
            sounds = root / "usr/share/asterisk/sounds/xx"
            write(sounds / "hello.g722")
            write(sounds / "beep.g722")
            write(sounds / "silence/1.g722")
        elif name.startswith("fillets"):
            sounds = root / f"usr/share/games/fillets-ng/sound/city/{name[-2:]}"
            write(sounds / "a-m-hello.ogg")
            write(sounds / "a-v-hello.ogg")
            write(sounds / "a-x-bang.ogg")
        elif name.startswith("klettres"):
            write(root / "usr/share/klettres/da/alpha/a.ogg")
            write(root / "usr/share/klettres/uk/alpha/hum.ogg", noise=0.05)
            (root / "usr/share/klettres/uk/alpha/broken.ogg").write_bytes(b"OggS, and nothing else")
        else:
            write(root / "usr/share/gcin-voice/ogg/a/5.ogg")
            write(root / "usr/share/gcin-voice/ogg/a/3.ogg")
        control = root / "DEBIAN/control"
        control.parent.mkdir()
        control.write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n"
        )
        subprocess.run(["dpkg-deb", "--build", root, folder / f"{name}_1_all.deb"], check=True, capture_output=True)
    return folder


def test_voices_are_taken_from_the_packages_and_what_is_none_is_left(
    packages: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        count = gather.gather(packages, tmp_path / "data")
    with (tmp_path / "data/spoken/manifest.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    assert count == len(rows) == 11
    assert sorted(row["label"].removeprefix("asterisk-core-sounds-") for row in rows) == [
        "en-g722", "es-g722", "fillets-ng-data-cs-m", "fillets-ng-data-cs-v", "fillets-ng-data-nl-m",
        "fillets-ng-data-nl-v", "fr-g722", "gcin-voice", "it-g722", "klettres-data-da", "ru-g722",
    ]  # fmt: skip
    assert [record.recording for record in caplog.records] == ["broken.ogg"]  # type: ignore[attr-defined]


def test_what_was_gathered_is_what_was_said(packages: Path, tmp_path: Path) -> None:
    gather.gather(packages, tmp_path / "data")
    for path in (tmp_path / "data/spoken").glob("*.flac"):
        samples, rate = soundfile.read(path)
        said = buzz(0)
        assert rate == RATE
        assert abs(len(samples) - RATE) < 100
        # A codec may turn phases, so envelopes are compared.
        heard, meant = (np.abs(sound[:15_800]).reshape(-1, 200).mean(axis=1) for sound in (samples, said))
        assert np.corrcoef(heard, meant)[0, 1] > 0.97


def test_a_package_that_is_missing_is_named(packages: Path, tmp_path: Path) -> None:
    (packages / "gcin-voice_1_all.deb").unlink()
    with pytest.raises(UserError, match=r"lacks gcin-voice; fetch"):
        gather.gather(packages, tmp_path / "data")


def test_a_file_that_is_no_package_is_named(packages: Path, tmp_path: Path) -> None:
    (packages / "klettres-data_1_all.deb").write_bytes(b"half of it")
    with pytest.raises(UserError, match=r"klettres-data_1_all\.deb is not a Debian package"):
        gather.gather(packages, tmp_path / "data")
