"""What a card says in words."""

from typing import Any, Final

_DISTILLED: Final = """\
# The speech reader, {size}

Names the emotion in an utterance: `neutral calm happiness sadness anger fear disgust surprise`, or `unclear`. Made by
`moodscape train speech report{flags}`; do not edit by hand.

**What it is.** The convolutions and first {blocks} transformer block(s) of *smart-turn v3.2* (Daily; a
Whisper-tiny-sized encoder fine-tuned to hear the end of a turn; BSD-2-Clause), dequantised from its int8 file, the last
of these blocks with {hidden} of 1536 feed-forward units and trained on here, and a head: what goes into that block and
what comes out of it to {channels} channels, attentive pooling (mean and mean absolute deviation), eight logits. One
int8 TFLite file for windows of 3 s; longer speech is the mean of as few windows as reach from end to end, shorter
speech stands at the window's end.

**Its teacher: {teacher}.** A head on a learned weighted sum of the teacher's
layers is fitted on the training speakers of each fold; the student follows its features, and its soft labels of
speakers that the answering head had not heard, beside the corpora's labels.

**What it learned from.** RAVDESS (24 English actors), every fourth utterance of nEMO (9 Polish actors), every eighth of
TESS (2 English actors) and of TurEV-DB (Turkish words), all acted, CC BY-NC-SA 4.0 or CC BY-NC-ND 4.0: take the weights
as **not for commercial use**. No recording is part of this project. Each utterance was heard as it is and elsewhere:
pitch, pace, rooms, ESC-50 noise (folds 1 to 4) at 5 to 30 dB, telephones, MP3, narrow bands, gain; besides, mixup,
SpecAugment on the front's output, label smoothing, dropout, averaged weights. A corpus that has not all eight emotions
is trained as a softmax over those that it has, and one that does not tell neutral from calm lets the student name
either.

**How it was measured.** Fold *k* holds out the four actors of RAVDESS' fold *k* (1 to 6) and the *k*-th speaker of
nEMO (1 to 9): neither student, nor the teacher's head, nor anything fitted after it heard them. Scores are those of the
**int8 file in the interpreter with the front end that ships**. UA is the unweighted average recall, WA the accuracy.
For nEMO (every fourth utterance) the strongest of its six emotions counts, calm taken for neutral. The temperature of a
fold is fitted on held-out answers of the other folds' speakers. The file that ships is trained on all speakers with the
same recipe, so these scores are not its own but what is to be expected of it on such voices. Noise at 10 dB comes from
ESC-50's fold 5, which no training mixes in.
"""

_PLAIN: Final = """\
# The speech reader

Names the emotion in an utterance: `neutral calm happiness sadness anger fear disgust surprise`, or `unclear`. Made by
`moodscape train speech report`; do not edit by hand.

**What it is.** Convolutions and the first two transformer blocks of *smart-turn v3.2* (Daily; a Whisper-tiny-sized
encoder fine-tuned to hear the end of a turn; BSD-2-Clause), dequantised from its int8 file and kept frozen, and a head
trained here: all three layers' outputs to 192 channels, attentive pooling (mean and mean absolute deviation), eight
logits. One int8 TFLite file for windows of 3 s; longer speech is the mean of as few windows as reach from end to end,
shorter speech stands at the window's end. No WavLM was used: its weights were not at hand.

**What it learned from.** RAVDESS (24 English actors) and nEMO (9 Polish actors), all acted, both CC BY-NC-SA 4.0: take
the weights as **not for commercial use**. No recording is part of this project. nEMO, which has six of the eight
emotions, is trained as a softmax over those. Mixup, label smoothing, dropout, random subsets of positions, averaged
weights. Noise and rooms were not part of its training.

**How it was measured.** Fold *k* holds out the four actors of RAVDESS' fold *k* (1 to 6) and the *k*-th speaker of
nEMO (1 to 9): neither head nor anything fitted after it heard them. Scores are those of the **int8 file in the
interpreter with the front end that ships**, beside the float head on the same frozen blocks. UA is the unweighted
average recall, WA the accuracy. For nEMO the strongest of its six emotions counts. The temperature of a fold is fitted
on held-out answers of the other folds' speakers. The file that ships is trained on all speakers with the same recipe,
so these scores are not its own but what is to be expected of it on such voices.
"""

BESIDE: Final = """\
`moodscape train speech --teacher smart-turn`: the second block trained on as well, from labels, the teacher's features
and its soft labels; four corpora (of nEMO every fourth utterance), each utterance as it is and elsewhere (pitch, pace,
rooms, noise, codecs, bands, gain). The head of the teacher is one of each corpus. What ships is what is ahead on
voices without noise.

"""

LIMITS: Final = """\
## Limits

- All voices it learned from are acted, most of them in studios. Everyday speech is quieter in its emotions: expect
  lower scores than above, and neutral speech of strangers taken for something stronger. It was not scored on speech
  that is not acted, nor on languages other than English and Polish.
- `calm` and `disgust` were learned from English alone.
- An emotion in a voice is not what a person feels. Do not use it to judge people.
"""


def about(meta: dict[str, Any]) -> str:
    """Say what a file is, from the `meta` of its sidecar: a student with a teacher, or the plain one."""
    if "teacher" not in meta:
        return _PLAIN
    flags = f" --teacher {meta['which']}" + ("" if meta["size"] == "standard" else f" --size {meta['size']}")
    return _DISTILLED.format(flags=flags, **meta)
