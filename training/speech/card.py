"""What a card says in words."""

from typing import Any, Final

from training.speech.trunk import HIDDEN

_ABOUT: Final = """\
# The speech reader, {size}

Names the emotion in an utterance: `neutral calm happiness sadness anger fear disgust surprise`, or `unclear`. Made by
`moodscape train speech report{flags}`; do not edit by hand.

**What it is.** The convolutions and first {blocks} of *smart-turn v3.2* (Daily; a Whisper-tiny-sized encoder
fine-tuned to hear the end of a turn; BSD-2-Clause), dequantised from its int8 file{narrowed}, and a head: every
layer's output to {channels} channels, attentive pooling (mean and mean absolute deviation), eight logits. First the
head was trained on the blocks as they were, then everything together, the lower layers in smaller steps; the weights
are the mean of those before and after the second (Wortsman et al. 2022, arXiv 2109.01903). One int8
TFLite file for windows of 3 s; longer speech is the mean of as few windows as reach from end to end, shorter speech
stands at the window's end.

{learning}

**What it learned from.** RAVDESS (24 English actors) and nEMO (9 Polish actors), all acted, CC BY-NC-SA 4.0: take the
weights as **not for commercial use**. No recording is part of this project. Half of what it heard of RAVDESS and two
fifths of nEMO were heard elsewhere: pitch, pace, rooms, ESC-50 noise (folds 1 to 4) at 5 to 30 dB, telephones, MP3,
narrow bands, gain; besides, voices of another size (VTLP), SpecAugment, mixup, label smoothing, dropout, averaged
weights. nEMO has six of the eight emotions: it is trained as a softmax over those and calm, and since it does not tell
neutral from calm, the student may name either.

**How it was measured.** Fold *k* holds out the four actors of RAVDESS' fold *k* (1 to 6) and the *k*-th speaker of
nEMO (1 to 9): neither student, nor the teacher's head, nor anything fitted after it heard them. Scores are those of the
**int8 file in the interpreter with the front end that ships**. UA is the unweighted average recall, WA the accuracy.
{chosen} For nEMO the strongest of its six emotions counts, calm taken for neutral. The teacher's head, one of each
corpus on all four blocks of smart-turn frozen, stands beside. The temperature of a fold is fitted on held-out answers
of the other folds' speakers. The file that ships is trained on all speakers with the same recipe, so these scores are
not its own but what is to be expected of it on such voices. Noise at 10 dB comes from ESC-50's fold 5, which no
training mixes in.
{tried}"""

_TRIED: Final = """
**What was tried** (float, RAVDESS' folds 1, 3, 4 and 5, and nEMO's speakers of those folds). A head alone, on the
blocks as they were: 0.728 and 0.661; half of the way to where the training of everything led: 0.754 and 0.683, three
quarters: 0.750 and 0.671, all of it: 0.749 and 0.662. A head that is fitted less well before the blocks are trained
costs about 0.03 (folds 3 and 5); TESS and TurEV-DB as two more corpora, and 14 epochs at rates half as high again,
gain nothing (fold 3). Following the features and soft labels of all four blocks of smart-turn gained nothing for
a head alone, and was not tried with blocks that are trained.
Without RAVDESS (one draw each, float, common emotions): a head alone 0.453, neutral 0.16; with voices through other
microphones (each band's gain off by a slope of 4 dB, standard deviation, and by waves) 0.493 and 0.41, but 0.509 and
0.21 when everything is trained; with TESS and TurEV-DB beside as well, int8, 0.491 and 0.60. So the neutral voice of
strangers wants more corpora. With those and the microphones RAVDESS' folds 1 to 5 (int8) come to 0.758 for 0.769, in
noise to 0.745 for 0.729, and nEMO's speakers of those folds to 0.720 for 0.702. There it is better to go all the way:
folds 2, 3 and 5 (float) are 0.702 for a head alone, 0.743 half of the way, 0.758 all of it. The file here is not
trained so.
"""

_NARROWED: Final = """, with {units} of 1536 feed-forward units (the outgoing weights of those that are left are
fitted anew by least squares, on the sound of TESS and TurEV-DB)"""

_CHOSEN: Final = """\
The training, and how far the weights go with it, were fixed with an eye on the float scores of RAVDESS' folds 1, 3, 4
and 5 and of nEMO's speakers of those folds. The weights that the heads began with were drawn without a seed: who
trains anew gets other heads, and scores that differ as draws do."""

_LABELS: Final = """\
**No teacher but the encoder itself.** The student learns from labels. No WavLM was at hand; `--teacher wavlm:NAME`
distils one."""

_TAUGHT: Final = """\
**Its teacher: {teacher}.** A head on a learned weighted sum of the teacher's layers is fitted on the training speakers
of each fold; the student follows its features, and its soft labels of speakers that the answering head had not heard,
beside the corpora's labels."""

LIMITS: Final = """\
## Limits

- All voices it learned from are acted, most of them in studios. Everyday speech is quieter in its emotions: expect
  lower scores than above, and neutral speech of strangers taken for something stronger. It was not scored on speech
  that is not acted, nor on languages other than English and Polish.
- `disgust`, and what tells `calm` from `neutral`, were learned from English alone.
- An emotion in a voice is not what a person feels. Do not use it to judge people.
"""


def about(meta: dict[str, Any]) -> str:
    """Say what a file is, from the `meta` of its sidecar."""
    teacher = f" --teacher {meta['which']}" if meta["distilled"] else ""
    size = "" if meta["size"] == "standard" else f" --size {meta['size']}"
    count = len(meta["hidden"])
    blocks = "transformer block" if count == 1 else f"{count} transformer blocks"
    units = " and ".join(str(units) for units in meta["hidden"])
    narrowed = "" if set(meta["hidden"]) == {HIDDEN} else _NARROWED.format(units=units)
    learning = (_TAUGHT if meta["distilled"] else _LABELS).format(teacher=meta["teacher"])
    tried = _TRIED if meta["size"] == "standard" and not meta["distilled"] else ""
    words = {"narrowed": narrowed, "learning": learning, "chosen": _CHOSEN, "tried": tried}
    return _ABOUT.format(flags=teacher + size, blocks=blocks, **words, **meta)
