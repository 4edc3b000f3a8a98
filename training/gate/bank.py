"""The recordings that the gate learns from, decoded once, in two parts that share no speaker and no noise fold.

Of voices without words they share no recording, but speakers.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edge.sound import Samples
from moments.errors import UserError
from training import corpora
from training.kept import digest, digest_listed, whole

log = logging.getLogger(__name__)

Part = Literal["train", "test", "all"]

SPOKEN: Final = "spoken"
"""The corpus that `gather` makes; it is only learned from."""
TEST_FOLDS: Final = {"ravdess": {6}, "nemo": {8, 9}, "esc50": {5}}
"""What the split model never hears: 4 actors of RAVDESS, 2 speakers of nEMO, a fold of ESC-50."""
TEST_EVERY: Final = 6
"""Nor does it hear each sixth voice without words, the first among them."""
BABBLE: Final = ("restaurant", "crowded_bar", "supermarket", "church")
"""Ambiences with a hubbub that the split model never hears."""
PEOPLE: Final = ("laughing", "crying_baby", "coughing", "sneezing", "breathing", "snoring", "clapping")
"""Classes of ESC-50 that come from people; they are no measure of false speech."""
VOICED: Final = (
    *BABBLE, "carousel", "temple", "tuning_radio", "dude_miaowing", "train", "fireworks", "construction_site",
    "night_village", "laundry_room", "airplane", "exercise_bike",
)  # fmt: skip
"""Ambiences in which somebody may be speaking far away: there the answer to "any speech" is not known."""


@dataclass
class Bank:
    """Sounds of one part as int16 [n] at 16 kHz, by what they are."""

    speech: dict[str, list[NDArray[np.int16]]] = field(default_factory=dict)
    """Utterances by speaker."""
    noise: list[NDArray[np.int16]] = field(default_factory=list)
    """ESC-50 without its human classes."""
    ambience: dict[str, NDArray[np.int16]] = field(default_factory=dict)
    """Long recordings by label."""
    nonverbal: list[NDArray[np.int16]] = field(default_factory=list)
    """Laughter, crying, coughs: voices without words, and ESC-50's human classes."""


def load(data: Path, cache: Path, part: Part) -> Bank:
    """Give one part of the recordings under `data`. Decoded sound is kept in `cache`.

    Raises UserError where a corpus is missing.
    """
    bank = Bank()
    for speaker, sound in _voices(data, cache, part):
        bank.speech.setdefault(speaker, []).append(sound)
    clips = corpora.sounds(data, "esc50")
    for clip, sound in zip(clips, _decoded(cache, "esc50", [c.path for c in clips]), strict=True):
        if _belongs(part, "esc50", clip.fold):
            (bank.nonverbal if clip.label in PEOPLE else bank.noise).append(sound)
    places = corpora.sounds(data, "ambience")
    for place, sound in zip(places, _decoded(cache, "ambience", [p.path for p in places]), strict=True):
        if part == "all" or (part == "test") == (place.label in BABBLE):
            bank.ambience[place.label] = sound
    voices = corpora.sounds(data, "nonverbal")
    for i, sound in enumerate(_decoded(cache, "nonverbal", [v.path for v in voices])):
        if part == "all" or (part == "test") == (i % TEST_EVERY == 0):
            bank.nonverbal.append(sound)
    return bank


def listed(data: Path) -> str:
    """Name all recordings under `data`, and what is told of them, by eight letters.

    Raises UserError where a corpus is missing.
    """
    around = [sound for corpus in ("esc50", "ambience", "nonverbal") for sound in corpora.sounds(data, corpus)]
    return digest_listed([*corpora.utterances(data), *around, *_gathered(data)])


def _voices(data: Path, cache: Path, part: Part) -> Iterator[tuple[str, NDArray[np.int16]]]:
    """Give each utterance with its speaker."""
    utterances = corpora.utterances(data)
    for item, sound in zip(utterances, _decoded(cache, "speech", [u.path for u in utterances]), strict=True):
        if _belongs(part, item.corpus, item.fold):
            yield item.speaker, sound
    if part == "test":
        return
    gathered = _gathered(data)
    for said, sound in zip(gathered, _decoded(cache, SPOKEN, [s.path for s in gathered]), strict=True):
        yield f"{SPOKEN}/{said.label}", sound


def _gathered(data: Path) -> list[corpora.Sound]:
    if not (data / SPOKEN / "manifest.tsv").is_file():
        raise UserError(f"{data / SPOKEN} is missing; make it with `moodscape train gate gather`")
    return corpora.sounds(data, SPOKEN)


def _belongs(part: Part, corpus: str, fold: int | None) -> bool:
    if part == "all":
        return True
    held_out = fold in TEST_FOLDS.get(corpus, set())
    return held_out if part == "test" else not held_out


def _decoded(cache: Path, name: str, paths: list[Path]) -> Iterator[NDArray[np.int16]]:
    samples_file, ends_file = (cache / f"{name}-{digest(paths)}{end}" for end in (".npy", ".ends.npy"))
    if not ends_file.exists():
        log.info("decoding", extra={"corpus": name, "files": len(paths)})
        sounds = [_as_int16(corpora.read(path)) for path in paths]
        for file, values in (
            (samples_file, np.concatenate(sounds)),
            (ends_file, np.cumsum([len(sound) for sound in sounds])),
        ):
            with whole(file) as begun:
                np.save(begun, values)
    samples, ends = np.load(samples_file, mmap_mode="r"), np.load(ends_file)
    return (samples[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True))


def _as_int16(samples: Samples) -> NDArray[np.int16]:
    # A recording that clips when resampled is scaled, not cut.
    peak = max(1.0, float(np.abs(samples).max(initial=0)))
    scaled: NDArray[np.int16] = np.rint(samples * (32767 / peak)).astype(np.int16)
    return scaled


def floats(sound: NDArray[np.int16]) -> Samples:
    """Give int16 samples as float32 in [-1, 1]."""
    scaled: Samples = sound.astype(np.float32) / 32768
    return scaled
