"""The model card of the speech student, written from the answers of its folds and the file that ships."""

import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.models.speech import SpeechReader
from moments import EMOTIONS
from training.speech.scores import (
    Answers,
    by_fold,
    calibrated,
    calibration_error,
    coverage,
    shares,
    temperature,
    unclear_below,
    unweighted_recall,
)

_ABOUT: Final = """\
# The speech reader

Names the emotion in an utterance: `neutral calm happiness sadness anger fear disgust surprise`, or `unclear`. Made by
`moodscape train speech report`; do not edit by hand.

**What it is.** Convolutions and the first two transformer blocks of *smart-turn v3.2* (Daily; a Whisper-tiny-sized
encoder fine-tuned to hear the end of a turn; BSD-2-Clause), dequantised from its int8 file and kept frozen, and a head
trained here: all three layers' outputs to 192 channels, attentive pooling (mean and mean absolute deviation), eight
logits. One int8 TFLite file for windows of 3 s; longer speech is the mean of windows at most 2 s apart, shorter speech
stands at the window's end. No WavLM was used: its weights were not at hand.

**What it learned from.** RAVDESS (24 English actors) and nEMO (9 Polish actors), all acted, both CC BY-NC-SA 4.0: take
the weights as **not for commercial use**. No recording is part of this project. nEMO, which has six of the eight
emotions, is trained as a softmax over those. Mixup, label smoothing, dropout, random subsets of positions, averaged
weights.

**How it was measured.** Fold *k* holds out the four actors of RAVDESS' fold *k* (1 to 6) and the *k*-th speaker of
nEMO (1 to 9): neither head nor anything fitted after it heard them. Scores are those of the **int8 file in the
interpreter with the front end that ships**, beside the float head on the same frozen blocks. UA is the unweighted
average recall, WA the accuracy. For nEMO the strongest of its six emotions counts. The temperature of a fold is fitted
on held-out answers of the other folds' speakers. The file that ships is trained on all speakers with the same recipe,
so these scores are not its own but what is to be expected of it on such voices.
"""

_LIMITS: Final = """\
## Limits

- All voices it learned from are acted, most of them in studios. Everyday speech is quieter in its emotions: expect
  lower scores than above, and neutral speech of strangers taken for something stronger. It was not scored on speech
  that is not acted, nor on languages other than English and Polish.
- Noise and rooms were not part of its training; scores in noise were not taken.
- `calm` and `disgust` were learned from the 24 actors of RAVDESS only.
- An emotion in a voice is not what a person feels. Do not use it to judge people.
"""


def calibration(folds: Path) -> dict[str, Any]:
    """What is fitted after training, over the held-out answers of all folds. Raises WorkError without any."""
    answers = Answers.read(folds, "int8")
    confidence, right = _confidence(answers)
    return {"temperature": round(temperature(answers), 4), "unclear_below": unclear_below(confidence, right)}


def card(folds: Path, weights: Path) -> str:
    """Write the card. Raises WorkError without folds, BrokenWeights without weights."""
    int8, plain = Answers.read(folds, "int8"), Answers.read(folds, "float")
    parts = [_ABOUT, "## Scores\n"]
    for corpus, title in (
        ("ravdess", "RAVDESS, 8 emotions, 6 folds of 4 actors"),
        ("nemo", "nEMO, 6 emotions, one speaker out"),
    ):
        parts.append(_folds(title, int8.where(int8.corpus == corpus), plain.where(plain.corpus == corpus)))
    parts += [_recalls(int8), _confusion(int8), _speakers(int8), _calibration(int8), _cost(weights), _LIMITS]
    return "\n".join(parts)


def _confidence(answers: Answers) -> tuple[Any, Any]:
    calm = calibrated(answers)
    return calm.max(axis=1), calm.argmax(axis=1) == answers.truth


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _folds(title: str, int8: Answers, plain: Answers) -> str:
    scores, floats = by_fold(int8), by_fold(plain)
    rows = [
        [str(fold), f"{ua:.3f}", f"{wa:.3f}", f"{float_ua:.3f}"]
        for (fold, ua, wa), (_, float_ua, _) in zip(scores, floats, strict=True)
    ]
    means = [np.mean([score[1] for score in scores]), np.mean([score[2] for score in scores])]
    missing = {"ravdess": 6, "nemo": 9}[str(int8.corpus[0])] - len(scores)
    if missing:
        title += f" ({missing} not run yet)"
    rows.append(["**mean**", f"**{means[0]:.3f}**", f"{means[1]:.3f}", f"{np.mean([s[1] for s in floats]):.3f}"])
    return f"### {title}\n\n" + _table(["fold", "UA int8", "WA int8", "UA float"], rows)


def _recalls(answers: Answers) -> str:
    rows = []
    for corpus in ("ravdess", "nemo"):
        own = answers.where(answers.corpus == corpus)
        named = own.named()
        recall = [
            f"{np.mean(named[own.truth == e] == e):.2f}" if np.any(own.truth == e) else "" for e in range(len(EMOTIONS))
        ]
        rows.append([corpus, *recall])
    return "### Recall by emotion\n\n" + _table(["corpus", *EMOTIONS], rows)


def _confusion(answers: Answers) -> str:
    own = answers.where(answers.corpus == "ravdess")
    named = own.named()
    rows = [
        [EMOTIONS[e], *(str(int(np.sum((own.truth == e) & (named == other)))) for other in range(len(EMOTIONS)))]
        for e in range(len(EMOTIONS))
    ]
    return "### RAVDESS: acted (rows) and named (columns)\n\n" + _table(["", *EMOTIONS], rows)


def _speakers(answers: Answers) -> str:
    rows = []
    for corpus in ("ravdess", "nemo"):
        own = answers.where(answers.corpus == corpus)
        named = own.named()
        each = sorted(
            (unweighted_recall(own.truth[own.speaker == s], named[own.speaker == s]), s) for s in np.unique(own.speaker)
        )
        middle = float(np.median([score for score, _ in each]))
        rows.append([corpus, str(len(each)), f"{each[0][0]:.2f} ({each[0][1]})", f"{middle:.2f}", f"{each[-1][0]:.2f}"])
    header = ["corpus", "speakers", "UA of the worst", "median", "best"]
    return "### Speakers are not alike\n\n" + _table(header, rows)


def _calibration(answers: Answers) -> str:
    confidence, right = _confidence(answers)
    fitted = {"temperature": temperature(answers), "unclear_below": unclear_below(confidence, right)}
    errors = [
        [name, f"{calibration_error(confidence[chosen], right[chosen]):.3f}"]
        for name, chosen in (
            ("RAVDESS", answers.corpus == "ravdess"),
            ("nEMO", answers.corpus == "nemo"),
            ("both", np.ones(len(right), bool)),
        )
    ]
    raw = shares(answers.logits, 1.0)
    errors.append(
        [
            "both, without a temperature",
            f"{calibration_error(raw.max(axis=1), raw.argmax(axis=1) == answers.truth):.3f}",
        ]
    )
    bins = []
    for low in np.arange(0.2, 1.0, 0.1):
        inside = (confidence >= low) & (confidence < low + 0.1 + 1e-9)
        if inside.any():
            bins.append([f"{low:.1f} to {low + 0.1:.1f}", str(int(inside.sum())), f"{right[inside].mean():.2f}"])
    kept = [
        [f"{threshold:.2f}", f"{share:.3f}", f"{accuracy:.3f}"]
        for threshold, share, accuracy in coverage(confidence, right, [0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    ]
    return (
        "## Calibration, on held-out speakers, all eight emotions allowed\n\n"
        + _table(["corpus", "expected calibration error, 15 bins"], errors)
        + "\nHow often a reading is right, by its confidence:\n\n"
        + _table(["confidence", "readings", "right"], bins)
        + "\nRisk and coverage, when readings below a confidence are withheld:\n\n"
        + _table(["withheld below", "share that stays", "right of those"], kept)
        + f"\nThe file that ships has temperature {fitted['temperature']:.3f} and says `unclear` below "
        + f"{fitted['unclear_below']:.2f}: of the readings below that at most two in five were right.\n"
    )


def _cost(weights: Path) -> str:
    reader = SpeechReader.load(weights)
    speech = np.random.default_rng(0).standard_normal(48_000).astype(np.float32) * 0.1
    times = []
    for _ in range(100):
        begin = time.thread_time()
        reader.read(speech)
        times.append(1e3 * (time.thread_time() - begin))
    rows = [
        ["file", reader.name],
        ["bytes (bar 5 000 000)", f"{weights.stat().st_size}"],
        ["CPU ms for a window of 3 s, front end included, one x86 thread (best of 100)", f"{min(times):.1f}"],
    ]
    return "## Cost\n\n" + _table(["", ""], rows)
