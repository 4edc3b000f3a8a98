"""Gathers clean speech in many languages from Debian's packages of spoken words, as one more corpus of a data folder.

The corpora of acted speech hold three languages. Prompts of a telephone exchange, a game's dialogues, a tutor's letters
and an input method's syllables are spoken by other people, in some twenty languages more, at several microphones.
"""

import csv
import logging
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from edge.sound import RATE
from moments.errors import UserError
from training.gate.bank import SPOKEN
from training.gate.mix import frame_power

log = logging.getLogger(__name__)

_PROMPTS: Final = r"/sounds/(?!.*(silence/|beep|2tone|monkeys\.|confbridge-(join|leave)\.)).*\.g722$"
PACKAGES: Final = {
    **{f"asterisk-core-sounds-{language}-g722": _PROMPTS for language in ("en", "es", "fr", "it", "ru")},
    "festvox-ru": r"/wav/ru_[0-9]+\.wav$",
    **{f"fillets-ng-data-{language}": r"/sound/.*-(?P<speaker>[mv])-[^/]*\.ogg$" for language in ("cs", "nl")},
    "gcin-voice": r"/5\.ogg$",
    "kajongg": r"/voices/(?P<speaker>.+)/[^/]*\.ogg$",
    "klettres-data": r"/klettres/(?P<speaker>[^/]+)/.*\.ogg$",
    "ktuberling-data": r"/sounds/(?P<speaker>[^/@]+)/.*\.(?:ogg|wav)$",
    "qabcs-data": r"/abcs/(?P<speaker>(?!all|pl)[^/]+)/sounds/.*\.ogg$",
    "tuxpaint-stamps-default": r"_desc_(?P<speaker>[a-z]+)\.ogg$",
}
"""Debian's packages, and what the path of a recording in them looks like; who speaks is named in it, or is always the
same. Polish is not taken: with it is asked what a language is worth that was never heard (`fit --without nemo`).
Licences: CC BY-SA 3.0 (Asterisk's prompts; the Russian ones CC BY 3.0), BSD (Festival's Russian voice), CC BY 3.0
(gcin-voice's second speaker, who is the one taken), GPL 2 or 3 (all others)."""
_QUIET_DB: Final = -30.0
"""In the quietest fiftieth of a recording its noise must lie this far below its loud frames: the truth that the gate
learns from is the clean speech's level."""


@dataclass(frozen=True)
class _Spoken:
    speaker: str
    samples: NDArray[np.int16]


def gather(packages: Path, data: Path) -> int:
    """Make the corpus under `data` of the packages (.deb) in a folder; gives how many recordings it has.

    Raises UserError where a package is missing or `dpkg-deb` is.
    """
    files = {name: next(iter(sorted(packages.glob(f"{name}_*.deb"))), None) for name in PACKAGES}
    missing = [name for name, file in files.items() if file is None]
    if missing:
        raise UserError(f"{packages} lacks {', '.join(missing)}; fetch them there with `apt-get download`")
    out = data / SPOKEN
    out.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, str, str]] = []
    for name, file in files.items():
        assert file is not None
        for spoken in _of_package(name, file):
            path = f"{len(rows):05}.flac"
            soundfile.write(out / path, spoken.samples, RATE)
            rows.append((path, spoken.speaker, f"{len(spoken.samples) / RATE:.2f}"))
        log.info("package read", extra={"package": name, "recordings": len(rows)})
    with (out / "manifest.tsv").open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, delimiter="\t", lineterminator="\n")
        table.writerows([("path", "label", "seconds"), *rows])
    return len(rows)


def _of_package(name: str, file: Path) -> Iterator[_Spoken]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(["dpkg-deb", "--extract", file, folder], check=True)
        except FileNotFoundError:
            raise UserError("dpkg-deb is missing; gather the recordings on Debian, or install dpkg") from None
        except subprocess.CalledProcessError:
            raise UserError(f"{file} is not a Debian package; fetch it again with `apt-get download`") from None
        for path in sorted(Path(folder).rglob("*")):
            found = re.search(PACKAGES[name], str(path.relative_to(folder)))
            if found and path.is_file():
                samples = _decoded(path)
                if is_clean(samples):
                    yield _Spoken("-".join((name, *found.groupdict().values())), samples)


def is_clean(samples: NDArray[np.int16]) -> bool:
    """Tell whether int16 [n] at 16 kHz is loud enough over its own noise to tell speech from pauses by its level."""
    power = frame_power(samples.astype(np.float32) / 32768)
    if not len(power):
        return False
    loud, quiet = np.quantile(power, 0.95), np.quantile(power, 0.02)
    return bool(loud > 0 and quiet <= loud * 10 ** (_QUIET_DB / 10))


def _decoded(path: Path) -> NDArray[np.int16]:
    """Decode a recording to int16 [n] at 16 kHz, mono; what cannot be decoded is empty."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    parts = [np.zeros(0, np.int16)]
    try:
        # A raw stream: nothing in it says what it is. Titles are in any encoding.
        form = "g722" if path.suffix == ".g722" else None
        with av.open(str(path), format=form, metadata_errors="ignore") as container:
            for frame in (*container.decode(audio=0), None):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    except av.FFmpegError as error:
        log.warning("left out", extra={"recording": path.name, "reason": error.strerror})
    return np.concatenate(parts)
