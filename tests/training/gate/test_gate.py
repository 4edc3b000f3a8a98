"""The gate's training: the device computes what was trained, and the measures measure what they say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training has an environment of its own")

from edge.gate.features import CARRY, FRESH, WIDTH  # noqa: E402
from training.gate import score  # noqa: E402
from training.gate.bank import Bank  # noqa: E402
from training.gate.fit import averaged, calls_of, fit, mix  # noqa: E402
from training.gate.mix import CALLS, FRAMES, LENGTH, STEPS, Mixer, active  # noqa: E402
from training.gate.net import PAST, TOKEN, GateNet  # noqa: E402
from training.gate.route import route  # noqa: E402


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Buzzes for voices, hiss for noise."""
    rng = np.random.default_rng(0)
    t = np.arange(16_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 15)) * (np.abs(t - 0.5) < 0.3)
    voice = (6000 * buzz).astype(np.int16)
    hiss = [(1000 * rng.standard_normal(80_000)).astype(np.int16) for _ in range(3)]
    return Bank(
        speech={f"speaker {i}": [voice, voice] for i in range(4)},
        noise=hiss,
        ambience={"river": hiss[0].repeat(4)},
        nonverbal=[hiss[1][:16_000]],
    )


def test_the_device_s_calls_give_what_the_stream_was_trained_on():
    torch.manual_seed(0)
    net, frames, past, answers = (
        GateNet().eval(),
        torch.randn(1, 40, CARRY + FRESH, WIDTH),
        torch.zeros(1, PAST, TOKEN),
        [],
    )
    with torch.no_grad():
        for t in range(40):
            answer, token = net(frames[:, t], past)
            past = torch.cat((past[:, 1:], token[None]), dim=1)
            answers.append(answer.reshape(3, 2))
        assert torch.allclose(torch.cat(answers), net.stream(frames)[0], atol=1e-5)


def test_a_decision_does_not_know_what_comes_after_its_call():
    torch.manual_seed(0)
    net, frames = GateNet().eval(), torch.randn(1, 10, CARRY + FRESH, WIDTH)
    with torch.no_grad():
        before = net.stream(frames)[:, :15]
        frames[:, 5:] = 0
        assert torch.equal(net.stream(frames)[:, :15], before)


def test_a_clip_is_made_again_by_its_seed(bank):
    once, again = Mixer(bank).clip(7), Mixer(bank).clip(7)
    assert np.array_equal(once.mel, again.mel)
    assert once.mel.shape == (FRAMES, 40)
    assert once.truth.shape == once.weight.shape == (STEPS, 2)


def test_what_is_near_is_speech(bank):
    clips = [Mixer(bank).clip(seed) for seed in range(40)]
    assert all((clip.truth[:, 0] >= clip.truth[:, 1]).all() for clip in clips)
    assert any(clip.truth[:, 1].any() for clip in clips)
    assert any(not clip.truth[:, 1].any() for clip in clips)


def test_active_frames_are_those_of_the_voice():
    sound = np.zeros(16_000, np.float32)
    sound[4000:12_000] = np.random.default_rng(0).standard_normal(8000)
    speaks = active(sound)
    at = np.flatnonzero(speaks) * 160 + 256
    assert abs(at[0] - 4000) <= 250
    assert abs(at[-1] - 12_000) <= 250


def test_fitting_goes_on_where_it_stopped(bank, tmp_path, monkeypatch):
    monkeypatch.setattr("training.gate.fit._SHARD", 16)
    mix(bank, tmp_path / "clips", 16, seed=0)
    fit(tmp_path / "clips", tmp_path / "net.pt", epochs=1)
    first = averaged(tmp_path / "net.pt")
    fit(tmp_path / "clips", tmp_path / "net.pt", epochs=1)
    assert all(map(torch.equal, first.parameters(), averaged(tmp_path / "net.pt").parameters()))


def test_the_floor_is_followed_in_training_as_on_the_device():
    mel = np.random.default_rng(0).standard_normal((2, FRAMES, 40)).astype(np.float32)
    calls = calls_of(mel)
    assert calls.shape == (2, CALLS, CARRY + FRESH, WIDTH)
    assert np.allclose(calls_of(mel[1:])[0], calls[1])


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 5, 60).astype(np.float32), rng.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[truth] for b in scores[~truth]]
    assert score.auc(scores, truth) == pytest.approx(np.mean(pairs))


def test_a_perfect_detector_routes_everything_right(bank, monkeypatch):
    truth = {}

    def spans(_detector, sound):
        return truth.pop("spans")

    import training.gate.route as module

    utterances = module._utterances
    monkeypatch.setattr(module, "_utterances", lambda on: truth.setdefault("spans", utterances(on)))
    monkeypatch.setattr(module, "speech_spans", spans)
    assert route(None, bank, hours=0.03).right == 1.0


def test_the_longest_run_is_counted_in_seconds():
    over = np.array([0, 1, 1, 0, 1, 1, 1, 1, 0], bool)
    assert score.longest_run_s(over) == pytest.approx(0.12)
    assert score.longest_run_s(over[:1]) == 0.0


def test_mixtures_have_the_ratio_that_was_asked_for(bank):
    loud, soft = score.mixtures(bank, 20, 2)[0], score.mixtures(bank, -20, 2)[0]
    assert len(loud.sound) == LENGTH
    assert np.array_equal(loud.truth, soft.truth)
    speech_steps = np.repeat(loud.truth, 480)
    power = [np.mean(m.sound[: len(speech_steps)][speech_steps] ** 2) for m in (loud, soft)]
    rest = [np.mean(m.sound[: len(speech_steps)][~speech_steps] ** 2) for m in (loud, soft)]
    assert power[0] / rest[0] > 30
    assert power[1] / rest[1] < 1.5
