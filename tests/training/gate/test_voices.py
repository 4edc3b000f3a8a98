"""Voices without words: asked about only where the gate never heard them."""

from pathlib import Path

from edge.gate.detector import load
from tests.training.synthetic import sound, write
from training.gate.bank import TEST_EVERY
from training.gate.voices import voices


def test_only_recordings_that_the_gate_never_heard_tell_what_becomes_speech(tmp_path: Path) -> None:
    folder = tmp_path / "nonverbal"
    labels = ["laughing"] * (2 * TEST_EVERY) + ["coughing"] * TEST_EVERY
    for i in range(len(labels)):
        sound(folder / f"{i:02}.wav", 200.0, 1.0, seed=i)
    write(folder, ["path", "label", "seconds"], [[f"{i:02}.wav", label, "1.000"] for i, label in enumerate(labels)])
    found = {voice.label: voice for voice in voices(load(), tmp_path)}
    assert (found["laughing"].files, found["laughing"].unheard) == (2 * TEST_EVERY, 2)
    assert (found["coughing"].files, found["coughing"].unheard) == (TEST_EVERY, 1)
    assert found["coughing"].speech_right is None
    assert (found["crying"].files, found["crying"].scene_right) == (0, None)
