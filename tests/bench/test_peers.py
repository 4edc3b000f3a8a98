"""The peers that this pipeline stands beside: what their loops make of sound, and how their words are scored."""

import io
import sys

import numpy as np
import pytest

from bench import day
from bench.peers import hearing, scores, turn
from edge.sound import RATE


def test_the_script_tells_where_the_day_has_speech(tmp_path):
    truth = scores.script(200.0)
    assert truth[:60].all()  # six seconds, then nine of quiet
    assert not truth[60:150].any()
    shares = [sum(end - begin for begin, end, speech in day.stretches() if speech is kind) for kind in (True, False)]
    whole = scores.script(2.5 * sum(shares))
    assert whole.mean() == pytest.approx(shares[0] / sum(shares) / 2.5, abs=0.001)


def test_words_are_scored_by_the_share_of_speech_and_of_the_rest_that_they_name():
    truth = np.zeros(100, bool)
    truth[20:40] = True
    assert scores.speech([(4.0, 2.0)], truth) == (1.0, 0.0)
    assert scores.speech([(3.0, 2.0)], truth) == (0.5, 10 / 80)
    assert scores.speech([], truth) == (0.0, 0.0)


def test_an_utterance_ends_after_half_a_second_without_speech_and_is_cut_at_eight():
    step = 480
    loud, quiet = np.full(step, 0.5, np.float32), np.zeros(step, np.float32)
    steps = [*[quiet] * 10, *[loud] * 50, *[quiet] * 5, *[loud] * 50, *[quiet] * 40, *[loud] * 3, *[quiet] * 40]
    heard = list(turn.utterances(steps, any))
    assert [(round(end, 2), len(samples) // step) for end, samples in heard] == [(3.45, 105)]
    long = list(turn.utterances([loud] * 500, any))
    assert [len(samples) / RATE for _, samples in long] == [
        pytest.approx(8.01),
        pytest.approx(500 * step / RATE - 8.01),
    ]


def test_a_pipe_and_a_recording_give_the_same_blocks(tmp_path, monkeypatch):
    wav = day.write(0.02, tmp_path / "day.wav")
    recorded = list(hearing.blocks(str(wav), 512))
    raw = wav.read_bytes()[44:]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    piped = list(hearing.blocks("-", 512))
    assert len(recorded) == len(piped) == int(0.02 * 60 * RATE) // 512
    assert all(np.array_equal(one, other) for one, other in zip(recorded, piped, strict=True))
