"""The scene model's training: the teacher is read right, folds stay apart, the int8 file answers as the float net."""

import argparse
import csv

import numpy as np
import pytest
import torch

from edge.models.scene_table import audioset_labels, table
from edge.models.scenes import Scenes
from moments.errors import UserError
from tests.training.synthetic import corpora, sound, write
from training.scenes import affect, augment, pack, report, score, steps
from training.scenes.augment import HEARINGS, Heard, hear
from training.scenes.cli import register_scenes
from training.scenes.data import Clips, mel_of, windows
from training.scenes.fit import fit
from training.scenes.net import SceneNet, Tagger, load_teacher

FRAMES = 65  # enough for the net; a full window has 501


def clips(count: int = 20, frames: int = FRAMES) -> Clips:
    """Half of them high, half low: easy to tell apart. Folds 1 and 2 in turn."""
    random = np.random.default_rng(0)
    mel = random.normal(-0.5, 0.05, (count, frames, 128))
    for row in range(count):
        band = slice(10, 40) if row % 2 else slice(80, 110)
        mel[row, :, band] += 1.0
    return Clips(
        mel=np.rint(mel * 4096).astype(np.int16),
        label=np.array(["low" if row % 2 else "high" for row in range(count)]),
        fold=np.array([1 + row // 2 % 2 for row in range(count)]),
        path=np.array([f"{row}.ogg" for row in range(count)]),
    )


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    torch.manual_seed(0)
    tagger = Tagger()
    for layer in tagger.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():  # statistics of real activations, else a random net passes nothing on
        tagger.train()(torch.from_numpy(clips().floats(slice(0, 20))))
    return tagger.eval()


@pytest.fixture(scope="module")
def heard(tagger, tmp_path_factory):
    return hear(tagger, clips(), tmp_path_factory.mktemp("cache") / "heard.npz")


def test_the_teachers_names_and_kernels_are_read_as_time_by_frequency(tagger, tmp_path):
    theirs = {}
    for key, value in tagger.state_dict().items():
        name = key.replace("hidden.", "classifier.2.").replace("audioset.", "classifier.5.")
        theirs[name] = value.transpose(2, 3) if value.dim() == 4 and value.shape[-1] > 1 else value
    torch.save(theirs, tmp_path / "teacher.pt")
    read = load_teacher(tmp_path / "teacher.pt")
    mel = torch.randn(2, FRAMES, 128)
    with torch.no_grad():
        assert torch.equal(read(mel), tagger(mel))


def test_a_teacher_of_another_shape_is_refused(tagger, tmp_path):
    state = tagger.state_dict()
    state.pop("hidden.weight")
    torch.save(state, tmp_path / "teacher.pt")
    with pytest.raises(RuntimeError, match=r"hidden\.weight"):
        load_teacher(tmp_path / "teacher.pt")


def test_a_folder_without_the_teachers_files_is_told(tmp_path):
    with pytest.raises(UserError, match=r"mn04_as_mAP_432\.pt is missing; name the folder .* --teachers"):
        load_teacher(tmp_path / "mn04_as_mAP_432.pt")
    with pytest.raises(UserError, match=r"audioset_labels\.csv is missing; name the folder .* --teachers"):
        pack.chosen(tmp_path)
    with pytest.raises(UserError, match=r"yamnet_spectra_in\.tflite is missing; name the folder .* --teachers"):
        report.write(argparse.Namespace(teachers=tmp_path), [], b"")


def test_what_was_made_of_other_folds_or_classes_is_not_taken(tmp_path, monkeypatch):
    class AskedError(Exception):
        pass

    asked = []

    def ask(_judge, _sounds, stored):
        asked.append(stored)
        raise AskedError

    args = argparse.Namespace(data=corpora(tmp_path / "data"), cache=tmp_path, teachers=tmp_path, judge=None)
    sound(args.data / "ambience" / "a.wav", 200.0, 1.0, seed=6)
    write(args.data / "ambience", ["path", "label", "seconds"], [["a.wav", "river", "1.000"]])
    monkeypatch.setattr(steps, "load_teacher", lambda _: None)
    monkeypatch.setattr(steps, "hear", lambda _teacher, _clips, stored: asked.append(stored))
    monkeypatch.setattr(affect, "ask", ask)
    monkeypatch.setattr(steps, "net", lambda *_: None)
    monkeypatch.setattr(pack, "stacked", lambda _: None)
    made = []
    manifest = args.data / "esc50" / "manifest.tsv"
    for old, new in (("", ""), ("rain\t2", "sea\t2"), ("sea\t2\t1", "sea\t2\t3")):
        manifest.write_bytes(manifest.read_bytes().replace(old.encode(), new.encode(), 1))
        monkeypatch.setattr(pack, "quantise", lambda *_: f"file {len(made)}".encode())
        made.append(steps.folds_file(args))
        assert steps.folds_file(args) == made[-1]
        steps._heard(args, None)
        with pytest.raises(AskedError):
            affect.judged(args, None, b"")
    assert made == [b"file 0", b"file 1", b"file 2"]
    assert len(set(asked)) == 6


def test_a_window_has_501_frames_and_a_short_sound_is_repeated():
    cut = windows(np.ones(16_000, np.float32), 5.0)
    assert [len(window) for window in cut] == [80_000]
    assert mel_of(cut[0]).shape == (501, 128)
    assert len(windows(np.ones(16_000 * 12, np.float32), 5.0)) == 2


def test_clips_are_mixed_within_their_fold_only(heard):
    fold = clips().fold
    mixed = heard.share < 1
    assert mixed[0].sum() == 0
    assert 0.3 < mixed[1:].mean() < 0.9
    for hearing, row in np.argwhere(mixed):
        assert fold[heard.partner[hearing, row]] == fold[row]
    assert heard.share.min() >= 0.5


def test_the_first_hearing_is_the_clip_as_it_is(heard, tagger):
    with torch.no_grad():
        expected = tagger.embed(torch.from_numpy(clips().floats(slice(0, 20)))).numpy()
    assert np.allclose(heard.embedding[0], expected, atol=1e-4)
    assert not np.allclose(heard.embedding[1], expected, atol=1e-2)


def test_what_was_heard_is_not_heard_again(heard, tagger, tmp_path):
    stored = tmp_path / "heard.npz"
    first = hear(tagger, clips(4), stored)
    stamp = stored.stat().st_mtime_ns
    second = hear(tagger, clips(4), stored)
    assert stored.stat().st_mtime_ns == stamp
    assert np.array_equal(first.embedding, second.embedding)
    assert first.embedding.shape[:2] == (HEARINGS + 1, 4)


def test_another_condition_moves_colours_and_scales_but_keeps_the_sound():
    power = np.ones((50, 128), np.float32)
    power[10] = 100
    changed = augment._condition(power, np.random.default_rng(3))
    loud = int(changed[:, 64].argmax())
    assert changed[loud] == pytest.approx(100 * changed[loud - 1], rel=1e-4)


def test_the_head_learns_from_its_rows_and_the_teacher_stays(tagger, heard):
    classes = np.arange(20) % 2
    net = fit(tagger, heard, classes, np.flatnonzero(clips().fold == 1))
    own = np.flatnonzero(clips().fold == 1)
    mel = torch.from_numpy(clips().floats(own))
    with torch.no_grad():
        esc50, audioset = net(mel)
        assert torch.equal(audioset, tagger(mel))
    assert (esc50.argmax(1).numpy() == classes[own]).mean() >= 0.9


def test_a_held_out_fold_has_no_part_in_the_fit(tagger, heard):
    classes = np.arange(20) % 2
    rows = np.flatnonzero(clips().fold == 1)
    changed = heard.embedding.copy()
    changed[:, clips().fold == 2] += 5.0
    other = Heard(changed, heard.partner, heard.share)
    first, second = fit(tagger, heard, classes, rows), fit(tagger, other, 1 - classes * (clips().fold == 1), rows)
    assert not torch.equal(first.esc50.weight, second.esc50.weight)  # the labels of its own rows do count
    third = fit(tagger, other, np.where(clips().fold == 1, classes, 7), rows)
    assert torch.equal(first.esc50.weight, third.esc50.weight)


def test_the_net_keeps_the_chosen_rows_of_the_teachers_classifier(tagger):
    net = SceneNet(Tagger().eval())
    net.load_state_dict(SceneNet(tagger).state_dict())
    mel = torch.randn(1, FRAMES, 128)
    with torch.no_grad():
        all_labels = net.eval()(mel)[1]
        net.keep([500, 3])
        assert torch.allclose(net(mel)[1], all_labels[:, [500, 3]], atol=1e-5)


def test_stacked_heads_answer_as_each_alone(tagger):
    torch.manual_seed(1)
    nets = [SceneNet(tagger).eval() for _ in range(3)]
    mel = torch.randn(2, FRAMES, 128)
    with torch.no_grad():
        together = pack.stacked(nets)(mel)[0]
        alone = torch.cat([net(mel)[0] for net in nets], 1)
    assert not torch.allclose(alone[:, :50], alone[:, 50:100])
    assert torch.allclose(together, alone, atol=1e-5)


def teachers(folder):
    with (folder / "audioset_labels.csv").open("w", encoding="utf-8", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["index", "mid", "display_name"])
        for index, label in enumerate(reversed(audioset_labels())):
            rows.writerow([index, f"/m/{index}", label])
    return folder


def test_labels_are_found_by_their_name(tmp_path):
    chosen = pack.chosen(teachers(tmp_path))
    assert chosen == list(range(len(audioset_labels())))[::-1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_int8_file_answers_as_the_float_net(tagger, tmp_path):
    sounds, folder = clips(6, frames=pack.FRAMES), teachers(tmp_path)
    net, rows = SceneNet(tagger).eval(), np.arange(6)
    file = pack.quantise(net, folder)
    assert len(file) <= 1_300_000
    plain, quantised = pack.float_answers(net, folder, sounds, rows), pack.answers(file, sounds, rows)
    for ours, theirs in zip(quantised, plain, strict=True):
        assert ours.shape == theirs.shape
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


ESC50 = [label for row in table() for label in row.esc50]


def test_a_fold_is_scored_by_class_and_by_scene():
    scenes = Scenes(pack.labels(ESC50))
    esc50 = np.full((3, 50), -5.0, np.float32)
    cow, pig, rain = (ESC50.index(label) for label in ("cow", "pig", "rain"))
    esc50[[0, 1, 2], [cow, cow, rain]] = 9.0  # the second is a pig: another class of the same scene
    audioset = np.full((3, len(audioset_labels())), -9.0, np.float32)
    truth = np.array([cow, pig, rain])
    held_out = score.fold_score(ESC50, scenes, truth, (esc50, audioset), (esc50, audioset))
    assert held_out.int8_accuracy == held_out.float_accuracy == pytest.approx(2 / 3)
    assert (held_out.top1, held_out.top3, held_out.unclear) == (1.0, 1.0, 0.0)


def test_an_ambience_counts_by_its_group_and_an_unclear_window_is_a_miss():
    scenes = Scenes(pack.labels(ESC50))
    esc50 = np.zeros((4, 50), np.float32)
    esc50[:3, ESC50.index("sea_waves")] = 12.0
    audioset = np.full((4, len(audioset_labels())), -9.0, np.float32)
    around = Clips(
        mel=np.zeros((4, 1, 1), np.int16),
        label=np.array(["river", "river", "traffic", "river"]),
        fold=np.zeros(4, np.int64),
        path=np.array(["a", "a", "b", "a"]),
    )
    river, traffic = score.ambiences(scenes, around, (esc50, audioset))
    assert (river.label, river.share) == ("river", pytest.approx(2 / 3))
    assert ("unclear", 1) in river.told
    assert (traffic.label, traffic.share, traffic.told) == ("traffic", 0.0, [("sea", 1)])


def test_the_truth_of_ambiences_names_groups_that_exist_or_says_why_there_is_none():
    with score._TRUTH.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    groups = {row.group for row in table()}
    assert len(rows) == 74
    for row in rows:
        assert set(filter(None, row["groups"].split("; "))) <= groups
        assert row["groups"] or row["note"], row["label"]


@pytest.mark.parametrize("step", ["hear", "folds", "ship", "affect", "report"])
def test_each_step_runs_from_one_command(step):
    parser = argparse.ArgumentParser()
    register_scenes(parser.add_subparsers())
    more = ["--judge", "python"] if step == "affect" else []
    args = parser.parse_args(["scenes", step, "--data", "d", "--teachers", "t", "--cache", "c", *more])
    assert args.step == step
