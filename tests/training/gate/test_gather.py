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
    """Write a buzz as G.722, as the telephone exchange has it, or as Ogg or WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".g722":
        with soundfile.SoundFile(path, "w", RATE, 1) as file:
            file.title = "a hat"
            file.write(buzz(noise))
        if path.suffix == ".wav":
            path.write_bytes(path.read_bytes().replace(b"a hat", "å hat".encode("latin-1")))
        return
    with av.open(str(path), "w", format="g722") as file:
        stream = file.add_stream("g722", rate=RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray((buzz(noise) * 32_767).astype(np.int16)[None], format="s16", layout="mono")
        frame.rate = RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)


HELD = {
    **{
        f"asterisk-core-sounds-{language}-g722": [
            f"asterisk/sounds/{language}/hello.g722",
            f"asterisk/sounds/{language}/beep.g722",
            f"asterisk/sounds/{language}/silence/1.g722",
        ]
        for language in ("en", "es", "fr", "it", "ru")
    },
    "festvox-ru": ["festival/voices/russian/msu/wav/ru_0001.wav", "festival/voices/russian/msu/pm/ru_0001.wav"],
    **{
        f"fillets-ng-data-{language}": [
            f"games/fillets-ng/sound/city/{language}/a-m-hello.ogg",
            f"games/fillets-ng/sound/city/{language}/a-v-hello.ogg",
            f"games/fillets-ng/sound/city/{language}/a-x-bang.ogg",
        ]
        for language in ("cs", "nl")
    },
    "gcin-voice": ["gcin-voice/ogg/a/5.ogg", "gcin-voice/ogg/a/3.ogg"],
    "kajongg": ["kajongg/voices/de/male1/b2.ogg", "kajongg/voices/male1/b2.ogg"],
    "klettres-data": ["klettres/da/alpha/a.ogg", "klettres/uk/alpha/hum.ogg", "klettres/uk/alpha/broken.ogg"],
    "ktuberling-data": ["ktuberling/sounds/sv/hat.wav", "ktuberling/sounds/sr@latin/hat.ogg"],
    "qabcs-data": [
        "qabcs/abcs/de/sounds/alpha/a.ogg",
        "qabcs/abcs/de/sounds/words/a.ogg",
        "qabcs/abcs/pl/sounds/words/a.ogg",
        "qabcs/abcs/all/noises/bear.ogg",
    ],
    "tuxpaint-stamps-default": [
        "tuxpaint/stamps/animals/cat_desc_el.ogg",
        "tuxpaint/stamps/animals/cat_desc.ogg",
        "tuxpaint/stamps/animals/cat.ogg",
    ],
}
"""Files in the packages: voices, and some that must not be taken for one."""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """All packages, with what they hold."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in PACKAGES:
        root = tmp_path / name
        for held in HELD[name]:
            path = root / "usr/share" / held
            if path.stem == "broken":
                path.write_bytes(b"OggS, and nothing else")
            else:
                write(path, noise=0.05 if path.stem == "hum" else 1e-4)
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
    assert count == len(rows) == 18
    assert sorted(row["label"].removeprefix("asterisk-core-sounds-") for row in rows) == [
        "en-g722", "es-g722", "festvox-ru", "fillets-ng-data-cs-m", "fillets-ng-data-cs-v", "fillets-ng-data-nl-m",
        "fillets-ng-data-nl-v", "fr-g722", "gcin-voice", "it-g722", "kajongg-de/male1", "kajongg-male1",
        "klettres-data-da", "ktuberling-data-sv", "qabcs-data-de", "qabcs-data-de", "ru-g722",
        "tuxpaint-stamps-default-el",
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
