"""What a card says in words."""

from typing import Any, Final

_ABOUT: Final = """\
# The speech reader, {size}

Names the emotion in an utterance: `neutral calm happiness sadness anger fear disgust surprise`, or `unclear`. Made by
`moodscape train speech report{flags}`; do not edit by hand.

**What it is.** The convolutions and first {blocks} of *smart-turn v3.2* (Daily; a Whisper-tiny-sized encoder
fine-tuned to hear the end of a turn; BSD-2-Clause), dequantised from its int8 file and frozen, with {units} of 1536
feed-forward units (the outgoing weights of those that are left are fitted anew by least squares, on the sound of TESS
and TurEV-DB), and a head of {members} members that answer together: every layer to {channels} channels, attentive
pooling (mean and mean absolute deviation), eight logits. One int8 TFLite file for windows of 3 s; longer speech is the
mean of as few windows as reach from end to end, shorter speech stands at the window's end.

{learning}

**What it learned from.** RAVDESS (24 English actors) and nEMO (9 Polish actors), all acted, CC BY-NC-SA 4.0: take the
weights as **not for commercial use**. No recording is part of this project. Each utterance (of nEMO a quarter of them)
was heard as it is and once elsewhere: pitch, pace, rooms, ESC-50 noise (folds 1 to 4) at 5 to 30 dB, telephones, MP3,
narrow bands, gain; besides, mixup, random subsets of positions, label smoothing (0.05; 0.2 for nEMO, whose few speakers
make a student too sure of others), dropout, averaged weights. nEMO has not all eight emotions: it is trained as a
softmax over those that it has, and since it does not tell neutral from calm, the student may name either.

**How it was measured.** Fold *k* holds out the four actors of RAVDESS' fold *k* (1 to 6) and the *k*-th speaker of
nEMO (1 to 9): neither student, nor the teacher's head, nor anything fitted after it heard them. Scores are those of the
**int8 file in the interpreter with the front end that ships**. UA is the unweighted average recall, WA the accuracy.
Corpora, views and the weight of the teacher were chosen with an eye on the float scores of RAVDESS' folds 1, 3 and 5.
For nEMO the strongest of its six emotions counts, calm taken for neutral. The calibration of a
fold is fitted on held-out answers of the other folds' speakers. The file that ships is trained on all speakers with the
same recipe, so these scores are not its own but what is to be expected of it on such voices. Noise at 10 dB comes from
ESC-50's fold 5, which no training mixes in.
"""

_PLAIN: Final = """\
# The speech reader

Names the emotion in an utterance: `neutral calm happiness sadness anger fear disgust surprise`, or `unclear`. Made by
`moodscape train speech report`; do not edit by hand.

**What it is.** Convolutions and the first two transformer blocks of *smart-turn v3.2* (Daily; a Whisper-tiny-sized
encoder fine-tuned to hear the end of a turn; BSD-2-Clause), dequantised from its int8 file, and a head: all three
layers' outputs to 192 channels, attentive pooling (mean and mean absolute deviation), eight logits. First the head was
trained on the frozen blocks, then everything together, the lower layers in smaller steps; the weights are the mean of
those before and after (Wortsman et al. 2022, arXiv 2109.01903). One int8 TFLite file for windows of 3 s; longer speech
is the mean of as few windows as reach from end to end, shorter speech stands at the window's end. No WavLM was used:
its weights were not at hand.

**What was tried.** With the blocks frozen the same head reads RAVDESS as well (0.760), but loses 0.086 of that at 10 dB
of noise and is worse calibrated (error 0.078 in RAVDESS, 0.056 in nEMO); no other head on frozen blocks was better by
more than 0.01. Where the training itself led the worst voices of RAVDESS gain most and nEMO loses (folds 1, 3, 4 and
5, float, RAVDESS and nEMO: frozen 0.714 and 0.674, 0.4 of the way 0.734 and 0.695, 0.6 of it 0.738 and 0.686, all of
it 0.741 and 0.667). With calm left out of the answers, as those were scored, the nine speakers of nEMO are read as well
as by the frozen blocks (0.640 and 0.645): that tuned layers call sad Polish speech calm is what they lose below, since
nEMO, which has no calm, taught them nothing against it.

**What it learned from.** RAVDESS (24 English actors) and nEMO (9 Polish actors), all acted, both CC BY-NC-SA 4.0: take
the weights as **not for commercial use**. No recording is part of this project. nEMO, which has six of the eight
emotions, is trained as a softmax over those. Half of RAVDESS and two fifths of nEMO were heard elsewhere: pitch, pace,
rooms, ESC-50 noise (folds 1 to 4) at 5 to 30 dB, telephones, MP3, narrow bands, gain; besides, voices of another size
(VTLP), SpecAugment, mixup, label smoothing, dropout, averaged weights.

**How it was measured.** Fold *k* holds out the four actors of RAVDESS' fold *k* (1 to 6) and the *k*-th speaker of
nEMO (1 to 9): neither student, nor the teacher's head, nor anything fitted after it heard them. Scores are those of the
**int8 file in the interpreter with the front end that ships**. UA is the unweighted average recall, WA the accuracy.
The training was fixed with an eye on the float score of RAVDESS' fold 3, and that the weights are the mean of before
and after on those of folds 1, 3, 4 and 5. Folds 3 and 5 were trained while the recipe was being written, by the same
steps with other random draws. For nEMO the strongest of its six emotions counts, calm taken for neutral. The teacher's
head, one of each corpus on all four blocks of smart-turn frozen, is there to compare; the student learned nothing from
it. The temperature of a fold is fitted on held-out answers of the other folds' speakers. The file that ships is trained
on all speakers with the same recipe, so these scores are not its own but what is to be expected of it on such voices.
Noise at 10 dB comes from ESC-50's fold 5, which no training mixes in.
"""

_LABELS: Final = """\
**No teacher but the encoder itself.** The student learns from labels. With the blocks of `standard` it was tried to
follow the features and soft labels of all four blocks of {teacher} too, and left
(float, fold 5: 0.672, without them 0.699), and so were two more corpora (TESS and TurEV-DB: fold 1 0.832 for 0.855,
fold 5 0.688) and a second block that is trained on. No WavLM was at hand; `--teacher wavlm:NAME` distils one."""

_TAUGHT: Final = """\
**Its teacher: {teacher}.** A head on a learned weighted sum of the teacher's layers is fitted on the training speakers
of each fold; the student follows its features, and its soft labels of speakers that the answering head had not heard,
beside the corpora's labels."""

LIMITS: Final = """\
## Limits

- All voices it learned from are acted, most of them in studios. Everyday speech is quieter in its emotions: expect
  lower scores than above, and neutral speech of strangers taken for something stronger. It was not scored on speech
  that is not acted, nor on languages other than English and Polish.
- `calm` and `disgust` were learned from English alone.
- An emotion in a voice is not what a person feels. Do not use it to judge people.
"""


def about(meta: dict[str, Any]) -> str:
    """Say what a file is, from the `meta` of its sidecar: the plain student's has no `teacher`."""
    if "teacher" not in meta:
        return _PLAIN
    teacher = f" --teacher {meta['which']}" if meta["distilled"] else ""
    size = "" if meta["size"] == "standard" else f" --size {meta['size']}"
    count = len(meta["hidden"])
    blocks = "transformer block" if count == 1 else f"{count} transformer blocks"
    units = " and ".join(str(units) for units in meta["hidden"])
    learning = (_TAUGHT if meta["distilled"] else _LABELS).format(teacher=meta["teacher"])
    return _ABOUT.format(flags=teacher + size, blocks=blocks, units=units, learning=learning, **meta)
