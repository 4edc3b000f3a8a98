"""The gate's training: the device computes what was trained, and the measures measure what they say."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training has an environment of its own")

from edge.gate import features  # noqa: E402
from edge.gate.features import BANDS, CARRY, FRESH  # noqa: E402
from training.gate import places, score  # noqa: E402
from training.gate import tracks as kept  # noqa: E402
from training.gate.bank import Bank  # noqa: E402
from training.gate.fit import CYCLES, EPOCHS, averaged, calls_of, fit, rate_at  # noqa: E402
from training.gate.mix import CALLS, FRAMES, LENGTH, Mixer, active  # noqa: E402
from training.gate.net import LEVELS, NARROW, GateNet, over_floor  # noqa: E402
from training.gate.remix import Remixer  # noqa: E402
from training.gate.route import Programme, programmes, routing, share_missed  # noqa: E402


@pytest.fixture(scope="module")
def bank() -> Bank:
    """Buzzes for voices, hiss for noise."""
    rng = np.random.default_rng(0)
    t = np.arange(16_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 15)) * (np.abs(t - 0.5) < 0.3)
    voice = (6000 * buzz).astype(np.int16)
    hiss = [(1000 * rng.standard_normal(80_000)).astype(np.int16) for _ in range(3)]
    return Bank(
        speech={f"{corpus}/{i}": [voice, voice] for corpus in ("nemo", "ravdess", "spoken") for i in range(2)},
        noise=hiss,
        ambience={"river": hiss[0].repeat(4)},
        nonverbal=[hiss[1][:16_000]],
    )


def test_the_device_s_calls_give_what_the_stream_was_trained_on():
    torch.manual_seed(0)
    net, mel, floor = GateNet().eval(), torch.randn(1, 70, CARRY + FRESH, BANDS), torch.randn(1, 70, BANDS)
    said, answers = [torch.zeros(1, LEVELS, NARROW)] * 2 ** (LEVELS - 1), []
    with torch.no_grad():
        for t in range(70):
            before = torch.stack([said[-(2**n)][:, n] for n in range(LEVELS)], dim=1)
            answer, now = net(mel[:, t], floor[:, t], before)
            said.append(now)
            answers.append(answer.reshape(3, 2))
        assert torch.allclose(torch.cat(answers), net.stream(mel, floor)[0], atol=1e-5)


def test_a_decision_does_not_know_what_comes_after_its_call():
    torch.manual_seed(0)
    net, mel, floor = GateNet().eval(), torch.randn(1, 10, CARRY + FRESH, BANDS), torch.randn(1, 10, BANDS)
    with torch.no_grad():
        before = net.stream(mel, floor)[:, :15]
        mel[:, 5:] = 0
        floor[:, 5:] = 0
        assert torch.equal(net.stream(mel, floor)[:, :15], before)


def test_the_level_of_a_stream_is_taken_out():
    mel, floor = torch.randn(3, CARRY + FRESH, BANDS), torch.randn(3, BANDS)
    heard = over_floor(mel, floor)
    assert heard.shape == (3, CARRY + FRESH, 2 * BANDS)
    assert torch.allclose(over_floor(mel + 5, floor + 5), heard, atol=1e-5)
    assert torch.allclose(over_floor(floor[:, None].expand_as(mel), floor)[:, :, BANDS:], torch.zeros(BANDS))


def test_a_track_is_made_again_by_its_seed(bank):
    once, again = Mixer(bank).track("near", 7), Mixer(bank).track("near", 7)
    assert np.array_equal(once.mel, again.mel)
    assert once.mel.shape == (FRAMES, 40)
    assert once.on.shape == (FRAMES,)


@pytest.fixture(scope="module")
def tracks(bank, tmp_path_factory):
    """A few of each kind, voices of nEMO apart."""
    folder = tmp_path_factory.mktemp("tracks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept, "PER_FILE", 4)
        kinds = ("near-others", "near-nemo", "near-spoken", "far-others", "babble-others", "events", "noise")
        patch.setattr(kept, "FILES", {"train": dict.fromkeys(kinds, 1)})
        kept.make(bank, "train", folder)
        yield folder


def test_a_corpus_can_be_left_out(tracks):
    assert len(kept.read(tracks, ["train"])["near"].power) == 12
    assert len(kept.read(tracks, ["train"], leave_out="nemo")["near"].power) == 8


def test_half_of_a_file_that_a_kill_left_is_not_read(tracks, tmp_path):
    (tmp_path / "train").mkdir()
    for file in tracks.glob("train/*.npz"):
        (tmp_path / "train" / file.name).symlink_to(file)
    (tmp_path / "train" / ".123-near-nemo-00.npz").write_bytes(b"PK")
    assert len(kept.read(tmp_path, ["train"])["near"].power) == 12


def test_what_is_near_is_speech(tracks):
    batch = Remixer(kept.read(tracks, ["train"]), seed=0).batch(np.random.default_rng(0), 40)
    near = batch.truth[:, :, 1].any(axis=1)
    assert (batch.truth[:, :, 0] >= batch.truth[:, :, 1]).all()
    assert near.any()
    assert not near.all()
    assert not near[batch.noise >= 0].any()


def test_sounds_mixed_as_powers_have_the_levels_of_sounds_mixed_as_waves():
    from edge.gate.features import BANDS
    from edge.models.frontend import power_frames, slaney_bands

    rng = np.random.default_rng(0)
    one, other = rng.standard_normal((2, LENGTH)).astype(np.float32)
    mel = [power_frames(sound) @ slaney_bands(BANDS) for sound in (one, other, one + 0.5 * other)]
    nothing = kept.Tracks(np.ones((1, FRAMES, 40), np.float32), np.zeros((1, FRAMES), bool), np.ones(1, bool))
    mixed = Remixer({"noise": nothing}, seed=0)._mixed(rng, mel[0], mel[1], -6.02)
    assert (mixed > 0).all()
    for moment in (np.mean, np.std):
        assert moment(np.log(mixed)) == pytest.approx(moment(np.log(mel[2])), rel=0.03)


def test_a_voice_heard_from_elsewhere_and_faster_speaks_where_its_truth_says():
    on = np.random.default_rng(0).random((1, FRAMES)) < 0.4
    power = np.where(on, 100.0, 1.0)[:, :, None].repeat(40, axis=2).astype(np.float32)
    nothing = kept.Tracks(np.ones((1, FRAMES, 40), np.float32), np.zeros((1, FRAMES), bool), np.ones(1, bool))
    near, rng = kept.Tracks(power, on, np.ones(1, bool)), np.random.default_rng(0)
    remixer = Remixer({"noise": nothing, "near": near}, seed=0)
    heard = [remixer._voice(rng, "near") for _ in range(20)]
    assert all((sound[speaks].min(axis=0) > sound[~speaks].max(axis=0)).all() for sound, speaks in heard)
    assert len({speaks.tobytes() for _, speaks in heard}) > 10


def test_a_voice_of_another_size_has_its_peaks_elsewhere():
    from training.gate.remix import _warped

    power = np.full((5, 40), 1e-3, np.float32)
    power[:, 22] = 1.0
    assert _warped(power, 1.1)[0].argmax() == 20
    assert _warped(power, 0.88)[0].argmax() == 25
    assert np.array_equal(_warped(power, 1.0), power)


def test_a_scene_that_is_cut_off_goes_on_with_the_truth_of_the_next(monkeypatch):
    from training.gate import remix

    noise = kept.Tracks(np.ones((1, FRAMES, 40), np.float32), np.zeros((1, FRAMES), bool), np.ones(1, bool))
    remixer = Remixer({"noise": noise}, seed=0)
    scenes = iter([(np.full((FRAMES, 40), value, np.float32), *np.full((2, 399, 2), value), 0) for value in (1, 2)])
    monkeypatch.setattr(remix, "_CUT", 1.0)
    monkeypatch.setattr(remixer, "_scene", lambda _: next(scenes))
    monkeypatch.setattr(remixer, "_heard", lambda _, sound: sound)
    sound, truth, weight, noise_heard = remixer._clip(np.random.default_rng(0))
    steps = (sound[CARRY:, 0] != sound[0, 0]).reshape(-1, 3)
    assert 0 < steps.mean() < 1
    assert np.array_equal(truth[:, 0] == 2, steps[:, 0])
    assert np.array_equal(steps[:, 0], steps[:, 2])
    assert np.array_equal(truth, weight)
    assert noise_heard == -1


def test_a_noise_that_was_taken_for_speech_is_heard_more_often(tracks):
    remixer, rng = Remixer(kept.read(tracks, ["train"]), seed=0), np.random.default_rng(0)
    remixer.remember(np.arange(4), np.array([0.0, 0.0, 0.9, 0.0], np.float32))
    heard = np.concatenate([remixer.batch(rng, 40).noise for _ in range(3)])
    assert np.bincount(heard[heard >= 0], minlength=4).argmax() == 2


def test_active_frames_are_those_of_the_voice():
    sound = np.zeros(16_000, np.float32)
    sound[4000:12_000] = np.random.default_rng(0).standard_normal(8000)
    speaks = active(sound)
    at = np.flatnonzero(speaks) * 160 + 256
    assert abs(at[0] - 4000) <= 250
    assert abs(at[-1] - 12_000) <= 250


def test_the_rate_rises_and_falls_once_a_cycle_and_is_nothing_after_the_last():
    peaks = []
    for n, (epochs, peak) in enumerate(CYCLES):
        begin = sum(before for before, _ in CYCLES[:n])
        rates = [rate_at(begin + epochs * part / 200) for part in range(200)]
        highest = rates.index(max(rates))
        assert rates[: highest + 1] == sorted(rates[: highest + 1])
        assert rates[highest:] == sorted(rates[highest:], reverse=True)
        peaks.append(max(rates) == pytest.approx(peak))
    assert all(peaks)
    assert rate_at(EPOCHS) == rate_at(EPOCHS + 1) == 0


def test_fitting_goes_on_where_it_stopped(tracks, tmp_path):
    made = kept.read(tracks, ["train"])
    fit(made, tmp_path / "net.pt", epochs=1, batches=1)
    first = averaged(tmp_path / "net.pt", 1)
    fit(made, tmp_path / "net.pt", epochs=1, batches=1)
    assert all(map(torch.equal, first.parameters(), averaged(tmp_path / "net.pt", 1).parameters()))


def test_the_floor_is_followed_in_training_as_on_the_device():
    mel = np.random.default_rng(0).standard_normal((2, FRAMES, 40)).astype(np.float32)
    calls, floors = calls_of(mel)
    assert calls.shape == (2, CALLS, CARRY + FRESH, BANDS)
    for stream, heard, floor in zip(mel, calls.numpy(), floors.numpy(), strict=True):
        on_device = features.calls_of(stream)
        assert np.array_equal(heard, on_device)
        assert np.allclose(floor, features.next_floors(features.first_floor(on_device[0]), on_device))


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    scores, truth = rng.integers(0, 5, 60).astype(np.float32), rng.random(60) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[truth] for b in scores[~truth]]
    assert score.auc(scores, truth) == pytest.approx(np.mean(pairs))


def test_the_curve_has_the_area_that_is_reported():
    rng = np.random.default_rng(1)
    scores, truth = rng.integers(0, 9, 200).astype(np.float32), rng.random(200) < 0.3
    false, found = score.curve(scores, truth)
    assert np.trapezoid(found, false) == pytest.approx(score.auc(scores, truth))


def test_places_with_voices_of_others_are_as_long_as_asked(bank):
    for sound in (places.far_voices(bank, 2), places.television(bank, 2)):
        assert len(sound) == 2 * LENGTH
        assert 0.01 < np.sqrt(np.mean(sound**2)) < 0.1


def test_a_perfect_detector_routes_everything_right_and_a_deaf_one_loses_the_speech(bank):
    made = list(programmes(bank, 1, seed=3))
    spoken = sum(end - start for start, end in made[0].utterances) * 100 / len(made[0].near)
    assert spoken > 0.05
    assert routing([made[0].utterances], made).right == 1.0
    assert routing([[]], made).right < 1 - spoken / 2


def test_what_goes_wrong_near_an_utterance_s_ends_counts_among_all_seconds_alone():
    near = np.zeros(2000, bool)
    near[500:1000] = True
    made = Programme(np.zeros(0, np.float32), near)
    ((begin, end),) = made.utterances
    routed = routing([[(begin - 0.12, end + 0.1)]], [made])
    assert routed.right == 1.0
    assert routed.whole == pytest.approx(1 - 22 / 2000, abs=2 / 2000)
    assert routed.left_out == pytest.approx(60 / 2000)
    further = routing([[(begin - 0.32, end + 0.1)]], [made])
    assert further.right == pytest.approx(1 - 17 / 1940, abs=2 / 1940)


def test_speech_that_lies_in_no_utterance_is_missed(monkeypatch):
    truth = np.repeat([False, True, False, True], [10, 30, 30, 10])
    mixture = score.Mixture(np.zeros(80 * 480, np.float32), truth)
    monkeypatch.setattr("training.gate.route.speech_spans", lambda *_: [(0.1, 1.2)])
    assert share_missed(None, [mixture]) == pytest.approx(10 / 40)
    monkeypatch.setattr("training.gate.route.speech_spans", lambda *_: [(0.1, 0.9), (2.1, 3.0)])
    assert share_missed(None, [mixture]) == pytest.approx(10 / 40)


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


def test_the_thresholds_are_those_that_route_most_seconds_right(bank, tmp_path, monkeypatch):
    from edge.gate.detector import Decision, Thresholds
    from edge.models.interpreter import Golden, Sidecar
    from training.gate import tune as module

    monkeypatch.setattr("training.gate.route._SCENES", 8)
    made = list(programmes(bank, 1, seed=4))

    class Doubtful:
        """Gives near speech in the programme 0.75, and 0.3 s of anything else 0.65 every two seconds."""

        step_s, thresholds = 0.03, {name: Thresholds(0.5, 0.5) for name in ("speech", "near")}

        def reset(self):
            pass

        def feed(self, sound):
            at = np.arange(0.015, len(sound) / 16_000, 0.03)
            there = made[0].utterances if sound is made[0].sound else []
            spoken = np.array([any(start <= t <= end for start, end in there) for t in at])
            near = np.where(spoken, 0.75, np.where(at % 2 < 0.3, 0.65, 0.0))
            return [Decision(float(t), 0.95 * bool(n), float(n)) for t, n in zip(at, near, strict=True)]

    sidecar = Sidecar(
        name="gate-3", sha256="", labels=["speech", "near"], meta={"thresholds": module.START},
        golden=Golden(low=0, high=1, tolerance=0.1, outputs=[]),
    )  # fmt: skip
    (tmp_path / "gate.json").write_text(sidecar.model_dump_json())
    monkeypatch.setattr(module, "programmes", lambda *_: made)
    for grid in ("_SPEECH", "_NEAR"):
        monkeypatch.setattr(module, grid, (0.6, 0.7, 0.9))
    monkeypatch.setattr(module.gate, "load", lambda _: Doubtful())
    module.tune(tmp_path / "gate.tflite", bank)
    chosen = Sidecar.model_validate_json((tmp_path / "gate.json").read_bytes()).meta["thresholds"]
    assert chosen["near"]["on"] == 0.7


def test_thresholds_that_keep_to_the_limits_go_before_those_that_find_more():
    from training.gate.tune import _TAKEN, _WORDLESS, Shares

    within, finds_less = Shares(0.97, 0.3, _TAKEN, 0.9, _WORDLESS), Shares(0.99, 0.3, 0.0, 0.8, 0.0)
    routes_wrong, takes_too_much = Shares(0.9, 0.3, 0.0, 1.0, 0.0), Shares(0.99, 0.3, 0.2, 1.0, 0.0)
    cuts_words, takes_laughter = Shares(0.99, 1.5, 0.0, 1.0, 0.0), Shares(0.99, 0.3, 0.0, 1.0, 0.2)
    others = (finds_less, routes_wrong, takes_too_much, cuts_words, takes_laughter)
    assert max(within, *others, key=lambda shares: shares.rank) is within
    assert max(routes_wrong, takes_too_much, key=lambda shares: shares.rank) is routes_wrong
