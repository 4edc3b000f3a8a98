"""Writes the report on the gate: the split model's file, on speakers and noise that it never heard."""

import time
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge.gate import detector as gate
from edge.sound import RATE
from training.gate import card, places, route, score
from training.gate.bank import Bank, floats, load
from training.gate.curves import draw
from training.gate.fit import EPOCHS
from training.gate.peers import peers
from training.gate.voices import voices

_CLIPS: Final = 60
_DELAYS: Final = (0, 1, 2, 3)
"""Steps of 30 ms by which a peer's answers may lag: each gets the delay that suits it best."""
_PROGRAMMES: Final = 24
_ROUTED: Final = 0.97
"""The share of the seconds that is asked to go to the right reader."""
_FALSE_S: Final = 0.1
_MISSED: Final = 0.05
_OURS: Final = "ours, any speech"
_NEAR: Final = "ours, near speech"
_ONCE: Final = ", fitted once"
_WITHOUT: Final = ", fitted once, Polish left out"

Frames = NDArray[np.float32]


def write(data: Path, cache: Path, weights: Path, fitted: tuple[Path, Path], out: Path) -> None:
    """Measure; write the report to `out` and its curves to a folder of the same name beside it.

    `fitted`: the files of two fits from chance, the second without nEMO.
    """
    bank = load(data, cache, "test")
    detector = gate.load(weights)
    curves = out.with_suffix("") / "roc.png"
    curves.parent.mkdir(parents=True, exist_ok=True)
    scorers = {}
    for suffix, file in zip(("", _ONCE, _WITHOUT), (weights, *fitted), strict=True):
        one = gate.load(file)
        scorers |= {_OURS + suffix: score.ours(one), _NEAR + suffix: score.ours(one, "near")}
    scorers |= peers()
    lines = [
        "# The gate",
        "",
        "Everything here is measured on the file of a model that never heard the speakers (RAVDESS actors",
        "21 to 24, two of nEMO's nine), the noises (fold 5 of ESC-50) or the babble (restaurant, bar,",
        "supermarket, church). The truth is the clean speech's level: less than 25 dB below the loud frames of its",
        "utterance. `moodscape train gate report` makes all of it.",
        "",
        *_frames(bank, detector, scorers, curves, out.parent),
        *_hubbub(bank, detector),
        *_routing(bank, detector),
        *_wordless(detector, data),
        *_cost(detector, weights),
        *card.learned(),
        *card.limits(weights),
    ]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _frames(
    bank: Bank, detector: gate.Detector, scorers: dict[str, score.Scorer], curves: Path, folder: Path
) -> list[str]:
    areas: dict[str, list[float]] = {name: [] for name in scorers}
    limits: dict[str, float] = {}
    drawn: dict[int, dict[str, score.Curve]] = {}
    for snr_db in score.SNRS_DB:
        made = score.mixtures(bank, snr_db, _CLIPS)
        truth = np.concatenate([mixture.truth for mixture in made])
        drawn[snr_db] = {}
        for name, scorer in scorers.items():
            values = [scorer(mixture.sound) for mixture in made]
            delayed = [_earlier(values, by) for by in (_DELAYS if "ours" not in name else (0,))]
            best = max(delayed, key=lambda one: score.auc(one, truth))
            areas[name].append(score.auc(best, truth))
            if _ONCE not in name:
                drawn[snr_db][name] = score.curve(best, truth)
            if snr_db == 10:
                limits[name] = score.threshold_that_misses(best, truth, _MISSED)
    draw(drawn, curves)
    return [
        "## Speech or not, step by step",
        "",
        f"Area under the ROC curve, {_CLIPS} recordings of 12 s at each ratio of speech to noise (dB), the same",
        "for all. A detector that only says yes or no has one point on its curve; its area is that of the lines",
        "through it. A public detector's answers may lag by up to 90 ms, whichever suits it best.",
        "",
        "| detector | " + " | ".join(f"{snr}" for snr in score.SNRS_DB) + " |",
        "|---|" + "---|" * len(score.SNRS_DB),
        *(f"| {name} | " + " | ".join(f"{area:.4f}" for area in row) + " |" for name, row in areas.items()),
        "",
        "All the speech here is near; `near speech` is what the segmenter asks for as well. The two that were",
        "fitted once differ in nothing but nEMO, and so its language, being left out; the frames are the same. They",
        f"are what `fit` makes, in {EPOCHS} epochs from chance; the weights that ship are older.",
        "",
        f"![The curves]({curves.relative_to(folder)})",
        "",
        *_false(bank, detector, scorers, limits),
    ]


def _false(
    bank: Bank, detector: gate.Detector, scorers: dict[str, score.Scorer], limits: dict[str, float]
) -> list[str]:
    own_limits = {_OURS: detector.thresholds["speech"].on, _NEAR: detector.thresholds["near"].on}
    clean: dict[str, float] = {}
    for name, own in own_limits.items():
        values = [scorers[name](clip) for clip in _clips(bank)]
        runs = [[score.longest_run_s(v >= at) for at in (limits[name], own)] for v in values]
        free = np.mean(np.array(runs) < _FALSE_S, axis=0)
        clean[f"{name}, at {limits[name]:.3f}: 5 % of the speech 10 dB above a noise is missed"] = float(free[0])
        clean[f"{name}, at {own:.3f}: the threshold that ships"] = float(free[1])
    uttered = np.mean([bool(route.speech_spans(detector, clip)) for clip in _clips(bank)])
    missed = {snr_db: route.share_missed(detector, score.mixtures(bank, snr_db, _CLIPS)) for snr_db in score.SNRS_DB}
    name = f"ours, utterances of the segmenter, which miss {100 * missed[10]:.1f} % of that speech"
    clean[name] = float(1 - uttered)
    return [
        "## False speech",
        "",
        f"ESC-50, fold 5, without its human classes ({len(bank.noise)} files): the share that stays free of",
        f"{_FALSE_S * 1000:.0f} ms of false speech.",
        "",
        "| where speech begins | files clean |",
        "|---|---|",
        *(f"| {name} | {share:.3f} |" for name, share in clean.items()),
        "",
        "The last row is what the device does: both answers over their thresholds begin a voice, half of these end it,",
        "and 0.18 s of it without a break make an utterance, which is 0.5 s long at least.",
        "",
        "| speech above the noise, dB | " + " | ".join(f"{snr}" for snr in missed) + " |",
        "|---|" + "---|" * len(missed),
        "| share of it that utterances miss | " + " | ".join(f"{share:.3f}" for share in missed.values()) + " |",
        "",
    ]


def _clips(bank: Bank) -> list[Frames]:
    return [floats(clip) for clip in bank.noise]


def _earlier(values: list[Frames], by: int) -> Frames:
    return np.concatenate([np.concatenate((v[by:], np.repeat(v[-1:], by))) for v in values])


def _hubbub(bank: Bank, detector: gate.Detector) -> list[str]:
    rows = []
    for name, sound in places.babble(bank, 30).items():
        share = route.share_of_speech(detector, sound)
        made = places.near_in(bank, sound, 10, 20)
        found = places.share_found([route.speech_spans(detector, near) for near, _ in made], [on for _, on in made])
        rows.append(f"| {name.replace('_', ' ')} | {share:.4f} | {found:.3f} |")
    far, television = places.far_voices(bank, 30), places.television(bank, 30)
    return [
        "## Whose speech?",
        "",
        "The share of a hubbub's seconds that becomes speech (less is better), and the share of near speech 10 dB",
        "above the same hubbub that does (more is better).",
        "",
        "| hubbub | alone | near speech in it |",
        "|---|---|---|",
        *rows,
        "",
        f"One or two voices across a room: {route.share_of_speech(detector, far):.3f} of the seconds become speech. A",
        "television at talking distance (a voice and music through a small loudspeaker, in a living room):",
        f"{route.share_of_speech(detector, television):.3f}; it stays a limit.",
        "",
    ]


def _routing(bank: Bank, detector: gate.Detector) -> list[str]:
    made, found = [], []
    for programme in route.programmes(bank, _PROGRAMMES, seed=7000):
        found.append(route.speech_spans(detector, programme.sound))
        made.append(route.Programme(programme.sound[:0], programme.near))
    routing = route.routing(found, made)
    rows = []
    for name, errors in (("start", routing.starts_ms), ("end", routing.ends_ms)):
        rows.append(f"| {name} | {np.median(errors):.0f} | {np.quantile(errors, 0.9):.0f} |")
    return [
        "## Routing",
        "",
        f"{_PROGRAMMES / 6:g} h in programmes of ten minutes, each of 50 scenes of 12 s: a third with near speech 5 to",
        f"20 dB above a noise, a ninth with babble. **{routing.whole:.3f}** of all seconds go to the right reader. The",
        "segmenter means to keep some air around a voice: 0.15 s on both sides of each start and end left out,",
        f"which are {100 * routing.left_out:.1f} % of the seconds, **{routing.right:.3f}** of the others do. The bar",
        f"is {_ROUTED:g}: over all seconds it {_held(routing.whole)}, over the others it {_held(routing.right)}.",
        "",
        "Errors of the utterances' ends, in ms, with the air that the segmenter keeps around a voice (100 ms before,",
        "50 ms after):",
        "",
        "| | median | 90th percentile |",
        "|---|---|---|",
        *rows,
        "",
    ]


def _held(share: float) -> str:
    return "holds" if share >= _ROUTED else "is missed"


def _wordless(detector: gate.Detector, data: Path) -> list[str]:
    rows = []
    for v in voices(detector, data):
        spoken = f"{v.uttered} of {v.unheard}"
        cells = v.label.replace("_", " "), spoken, v.files, _share(v.scene_right), _share(v.speech_right)
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return [
        "## Voices without words",
        "",
        "How many recordings become speech, of those that this model never heard (of most of their speakers it heard",
        "others), and the shares of all recordings that each reader reads as they are meant (laughter is a scene, and",
        "happiness); – where it has no word for it. The readers are those that ship; they heard none.",
        "",
        "| voice | becomes speech | recordings | scene reader right | speech reader right |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _cost(detector: gate.Detector, weights: Path) -> list[str]:
    rng = np.random.default_rng(0)
    rows = []
    for name, dbfs in (("sound", -30), ("a quiet room", -65)):
        sound = (10 ** (dbfs / 20) * rng.standard_normal(20 * RATE)).astype(np.float32)
        best = min(_cpu_s(detector, sound) for _ in range(10))
        rows.append(f"| {name} | {best / 20 * 1000:.2f} |")
    return [
        "## Cost",
        "",
        f"{weights.stat().st_size / 1000:.0f} kB. CPU of one x86 thread, front end included, best of ten times 20 s:",
        "",
        "| | ms per second of sound |",
        "|---|---|",
        *rows,
        "",
        f"A decision comes at most {score.longest_wait_s(detector) * 1000:.0f} ms after the sound at its centre.",
        "What the whole device costs over a day, beside YAMNet, is measured by `python -m bench.edge --yamnet FILE`.",
        "",
    ]


def _cpu_s(detector: gate.Detector, sound: Frames) -> float:
    detector.reset()
    begun = time.process_time()
    for start in range(0, len(sound), 512):
        detector.feed(sound[start : start + 512])
    return time.process_time() - begun
