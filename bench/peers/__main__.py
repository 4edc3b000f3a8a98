"""This pipeline and what a person would use instead, one after the other over the same hours of sound.

    python -m bench.peers --yamnet FILE --smart-turn FILE --data FOLDER [--minutes M] [--live M] [--short]

It prints a table and writes `bench/results/peers.json`. YAMNet (TFLite that takes log-mel, its class map beside it) is
heard every 0.96 s and its likeliest class told with paho; behind a public speech detector, smart-turn's encoder with a
probe reads every utterance. The probe is fitted on RAVDESS in --data. Both run in environments of this project; the
models do not ship with it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from bench import day
from bench.edge import ONE_THREAD
from bench.peers import scores
from bench.peers.running import Contender, Heard, emotion_of_ours, fast, lean_path, live, ours, peer, python_of
from bench.table import Figure, report
from tests.e2e.processes import Hub
from tests.parts import Broker, wait_until

ROOT = Path(__file__).parents[2]
_START_MINUTES = 0.05
_DETECTORS = {"silero": "Silero", "webrtc": "WebRTC"}
_SPEECH = frozenset({"Speech", "Child speech, kid speaking", "Conversation", "Narration, monologue"})
"""What YAMNet calls speech, and the word that the detector's loop uses."""


def contenders(args: argparse.Namespace, port: int, folder: Path) -> tuple[list[Contender], dict[str, Figure]]:
    """Make them ready, and give what their emotions score where that is known."""
    python, beside = python_of(args.train_environment), lean_path(folder)
    preparing = [str(python), "-m", "bench.peers.probe", *map(str, (args.smart_turn, args.data, args.cache, folder))]
    env = os.environ | ONE_THREAD | beside
    done = subprocess.run(preparing, stdout=subprocess.PIPE, text=True, check=True, env=env)
    recalls = {"this pipeline": emotion_of_ours(), "smart-turn": float(done.stdout.split()[-1])}
    every = [
        ours(port, folder),
        peer("YAMNet", [sys.executable, "-m", "bench.peers.yamnet", str(args.yamnet)], port, _SPEECH, {}),
    ]
    for which, name in _DETECTORS.items():
        hearing = [str(python), "-m", "bench.peers.turn", which, str(folder)]
        every.append(peer(f"{name} + smart-turn", hearing, port, _SPEECH, beside))
    title = "average recall of 8 emotions in acted speech (RAVDESS, 6 folds)"
    return every, {f"{name}: {title}": Figure(recall, "") for name, recall in recalls.items()}


def over_the_day(each: Contender, folder: Path, port: int, minutes: float) -> tuple[dict[str, Figure], float]:
    """Hear the day as fast as it goes; gives the figures and the CPU per second of sound in ms."""
    seconds = 60 * minutes
    start_cpu, *_ = fast(each, folder / "start.wav", port)
    cpu, resident_mb, came = fast(each, folder / "day.wav", port)
    ms = 1000 * (cpu - start_cpu) / (seconds - 60 * _START_MINUTES)
    read = [(payload, told) for _, topic, payload in came if (told := each.reads(topic, payload)) is not None]
    spans = scores.ours(folder / "day.wav") if each.stamps else [(end, long) for _, (end, long, said) in read if said]
    found_share, false_share = scores.speech(spans, scores.script(seconds))
    told = [payload for payload, _ in read]
    found = {
        "CPU per second of the day, start left out": Figure(ms, "ms/s"),
        "resident memory": Figure(resident_mb, "MB", 100 if each.name == "this pipeline" else None),
        "messages an hour": Figure(3600 * len(told) / seconds, "messages"),
        "bytes of them": Figure(3600 * sum(map(len, told)) / seconds, "bytes"),
        "share of the day's speech called speech": Figure(found_share, ""),
        "share of the rest called speech": Figure(false_share, ""),
    }
    return found, ms


def as_it_comes(each: Contender, folder: Path, port: int) -> dict[str, Figure]:
    """Hear some minutes at their own pace."""
    heard: list[Heard] = live(each, folder / "live.wav", port)
    kinds = {"speech": [one for one in heard if one.speech], "surroundings": [one for one in heard if not one.speech]}
    found = {}
    for kind, told in kinds.items():
        if told:
            name = f"from the end of {kind} to the broker, median"
            found[name] = Figure(float(np.median([one.came - one.end for one in told])), "s")
    return found


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="bench.peers")
    parser.add_argument("--yamnet", type=Path, required=True)
    parser.add_argument("--smart-turn", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the corpora, as for the training")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="keeps what the encoder hears in RAVDESS")
    parser.add_argument("--train-environment", type=Path, default=ROOT / ".venv-train")
    parser.add_argument("--minutes", type=float, default=120, help="of the day, read as fast as it goes")
    parser.add_argument("--live", type=float, default=2, help="minutes of it heard at their own pace")
    parser.add_argument("--short", action="store_true", help="writes no results")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="peers") as name:
        folder = Path(name)
        for wav, minutes in (("day", args.minutes), ("start", _START_MINUTES), ("live", args.live)):
            day.write(minutes, folder / f"{wav}.wav")
        broker = Broker(folder).start()
        hub = Hub(folder, broker.port).start()
        try:
            wait_until(hub.answers, 120)
            figures = measured(args, broker.port, folder)
        finally:
            hub.kill()
            broker.kill()
    report("peers", figures, write=not args.short)


def measured(args: argparse.Namespace, port: int, folder: Path) -> dict[str, Figure]:
    """Let one after the other hear the same."""
    every, figures = contenders(args, port, folder)
    ms: dict[str, float] = {}
    figures = {"minutes of sound": Figure(args.minutes, "min"), **figures}
    for each in every:
        own, ms[each.name] = over_the_day(each, folder, port, args.minutes)
        own |= as_it_comes(each, folder, port)
        figures |= {f"{each.name}: {what}": figure for what, figure in own.items()}
    figures["CPU of this pipeline, share of YAMNet's"] = Figure(ms["this pipeline"] / ms["YAMNet"], "", 1)
    for name in _DETECTORS.values():
        share = ms["this pipeline"] / ms[f"{name} + smart-turn"]
        figures[f"CPU of this pipeline, share of that of {name} + smart-turn"] = Figure(share, "", 0.2)
    return figures


if __name__ == "__main__":
    main()
