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
are a running average over the second. One int8 TFLite file for windows of 3 s; longer speech is the mean of as few
windows as reach from end to end, shorter speech stands at the window's end.

{learning}

**What it learned from.** RAVDESS (24 English actors) and nEMO (9 Polish actors), CC BY-NC-SA 4.0, TESS (2 English
actors) and TurEV-DB (Turkish words; its speakers are not told apart), CC BY-NC-ND 4.0; all acted: take the weights as
**not for commercial use**. No recording is part of this project. Half of what it heard of RAVDESS, three eighths of
nEMO and a third of the others were heard elsewhere: pitch, pace, rooms, ESC-50 noise (folds 1 to 4) at 5 to 30 dB,
telephones, MP3, narrow bands, gain; besides, other microphones (each band's gain off by a slope of 4 dB at its ends,
standard deviation, and by waves), voices of another size (VTLP), SpecAugment, mixup, label smoothing, dropout. A corpus
that lacks emotions is trained as a softmax over those that it has; one that does not tell neutral from calm (all but
RAVDESS) over both, and the student may name either.

**How it was measured.** Fold *k* holds out the four actors of RAVDESS' fold *k* (1 to 6) and the *k*-th speaker of
nEMO (1 to 9): neither student, nor the teacher's head, nor anything fitted after it heard them. TESS and TurEV-DB, of
two speakers and of nobody knows how many, are learned from and never asked about. Scores are those of the
**int8 file in the interpreter with the front end that ships**. UA is the unweighted average recall, WA the accuracy.
{chosen} For nEMO the strongest of its six emotions counts, calm taken for neutral. The teacher's head, one of each
corpus on all four blocks of smart-turn frozen, stands beside. The temperature of a fold is fitted on held-out answers
of the other folds' speakers. The file that ships is trained on all speakers with the same recipe, so these scores are
not its own but what is to be expected of it on such voices. Noise at 10 dB comes from ESC-50's fold 5, which no
training mixes in.
{tried}"""

_TRIED: Final = """
**What was tried.** With RAVDESS and nEMO alone, without other microphones, and with the mean of the weights before and
after everything was trained (Wortsman et al. 2022, arXiv 2109.01903), RAVDESS came to 0.773 (int8, six folds), 0.728 in
noise, and nEMO to 0.625; but trained without RAVDESS its recall of neutral there was 0.25: calm strangers were called
surprised or happy. Other microphones alone gave a neutral of 0.21 when everything was trained, TESS and TurEV-DB beside
as well 0.60 and more: the neutral voice of strangers wants more corpora, and RAVDESS pays for it. With those it is
better to go all the way: float, RAVDESS' folds 1 to 5 half of the way 0.755, three quarters 0.753, all of it 0.761;
over a telephone half of the way is better (folds 4 and 5: 0.691 and 0.629 for 0.629 and 0.609).
Nothing was gained by 14 epochs at rates half as high again (fold 3, two corpora), by two more epochs at a third of the
rates on plainer sound (folds 2, 4, 5 and 6: 0.031, -0.039, 0.008 and 0.004), by a bias of each class that is fitted on
the held-out answers of other folds, or by the soft labels of all four blocks of smart-turn (a head alone; trained
without nEMO and asked about every sixth of its utterances: 0.358 for 0.360). A head that is fitted less well before the
blocks are trained costs about 0.03 (folds 3 and 5). A fold moves by 0.03 with any change: recipes that are nearer than
0.01 cannot be told apart. Weights that are each rounded to the nearest of 8 bits put logits off by 0.23 (root of the
mean square, of 1.5), and cost 0.006 of RAVDESS' folds 2 to 6; rounded by GPTQ (Frantar et al. 2023, arXiv 2210.17323),
as here, they are off by 0.06.
"""

_NARROWED: Final = """, with {units} of 1536 feed-forward units (the outgoing weights of those that are left are
fitted anew by least squares, on the sound of TESS and TurEV-DB)"""

_CHOSEN: Final = """\
The training was fixed with an eye on the scores of RAVDESS' folds 1 to 5, of nEMO's speakers of those folds, and of
RAVDESS when it is left out."""

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
