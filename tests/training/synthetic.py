"""Tiny corpora of made sounds in the layout of the real ones."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
EMOTIONS = {"angry": 300.0, "calm": 120.0, "happy": 220.0, "sad": 90.0}


def write(folder: Path, header: list[str], rows: list[list[str]]) -> None:
    """Write a manifest with the line ends that some of the real ones have."""
    lines = ["\t".join(line) for line in [header, *rows]]
    (folder / "manifest.tsv").write_bytes("\r\n".join([*lines, ""]).encode())


def sound(path: Path, hz: float, seconds: float, seed: int, rate: int = RATE) -> None:
    """Write a buzz with noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).standard_normal(len(t)) * 0.01
    soundfile.write(path, 0.2 * np.sign(np.sin(2 * np.pi * hz * t)) + noise, rate)


def corpora(data: Path, per_emotion: int = 1) -> Path:
    """Make `ravdess` (2 actors, 2 folds), `nemo`, `tess` (2 speakers), `turev` and `esc50` (2 sounds) under `data`."""
    rows = []
    for fold in (1, 2):
        for place, (emotion, hz) in enumerate(EMOTIONS.items()):
            for take in range(per_emotion):
                name = f"actor_{fold:02}/{emotion}_{take}.wav"
                sound(data / "ravdess" / name, hz * (1 + 0.05 * fold), 1.0 + take * 2.5, seed=10 * fold + place)
                length = f"{1.0 + take * 2.5:.3f}"
                rows.append([name, emotion, f"actor_{fold:02}", "normal", "1", str(fold), length])
    write(data / "ravdess", ["path", "emotion", "speaker", "intensity", "sentence", "fold", "seconds"], rows)
    rows = []
    for speaker in ("ZZ0", "AA0"):
        for emotion, hz in (("anger", 310.0), ("surprised", 500.0), ("neutral", 150.0)):
            name = f"{speaker}/{speaker}_{emotion}_1.wav"
            sound(data / "nemo" / name, hz, 1.2, seed=3)
            rows.append([name, emotion, speaker, "female", "1.200"])
    write(data / "nemo", ["path", "emotion", "speaker", "gender", "seconds"], rows)
    for corpus, emotions, speakers in (
        ("tess", ("angry", "neutral", "disgust"), "OAF YAF"),
        ("turev", ("calm", "sad"), ""),
    ):
        rows = []
        for speaker in speakers.split() or [""]:
            for emotion in emotions:
                name = f"{speaker or 'all'}/{emotion}.wav"
                sound(data / corpus / name, EMOTIONS.get(emotion, 180.0), 0.8, seed=5)
                rows.append([name, emotion, speaker, "0.800"])
        write(data / corpus, ["path", "emotion", "speaker", "seconds"], rows)
    for name in ("rain/1-a.wav", "dog/2-b.wav"):
        sound(data / "esc50" / name, 60.0, 1.0, seed=4, rate=32_000)
    rows = [["rain/1-a.wav", "rain", "2", "1", "1.000"], ["dog/2-b.wav", "dog", "1", "2", "1.000"]]
    write(data / "esc50", ["path", "label", "group", "fold", "seconds"], rows)
    return data
