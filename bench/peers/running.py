"""Runs one contender over the day as fast as it goes, or over minutes of it as they come, and listens at the broker."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import soundfile
from paho.mqtt.enums import CallbackAPIVersion

from bench.edge import COMMAND, ONE_THREAD
from edge.sound import RATE
from tests.e2e.processes import settings
from tests.parts import wait_until

_PIECE = RATE // 20
_DEVICE = "pocket-1"


@dataclass(frozen=True)
class Heard:
    """One thing that was told: when it came and where its sound ends (Unix s), how long that is, speech or not."""

    came: float
    end: float
    seconds: float
    speech: bool


@dataclass
class Contender:
    """A program: `command(source)` hears a recording, or s16le on standard input when `source` is "-".

    `reads(topic, payload)` gives where the sound ends that is told of (s), how long it is, and whether it is speech;
    None: it tells of no sound. `stamps`: the ends are Unix times, not seconds since the begin.
    """

    name: str
    command: Callable[[str], list[str]]
    reads: Callable[[str, bytes], tuple[float, float, bool] | None]
    env: dict[str, str] = field(default_factory=dict)
    stamps: bool = False


class Listener:
    """All that is published at a broker."""

    def __init__(self, port: int) -> None:
        self.came: list[tuple[float, str, bytes]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.on_message = lambda _c, _d, message: self.came.append(
            (time.time(), message.topic, message.payload)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


def ours(broker_port: int, folder: Path) -> Contender:
    """The device as it ships, with outbox and delivery."""

    def command(source: str) -> list[str]:
        values = settings(
            source="pipe:-" if source == "-" else f"file:{source}",
            device=_DEVICE,
            broker__port=broker_port,
            gps__port=9,
        )
        return [*COMMAND, "edge", "run", *values, "--set", f"outbox.path={folder / 'outbox.db'}"]

    def reads(topic: str, payload: bytes) -> tuple[float, float, bool] | None:
        if not topic.endswith("/moment"):
            return None
        moment = json.loads(payload)
        end = datetime.fromisoformat(moment["start"]).timestamp() + moment["seconds"]
        return end, moment["seconds"], moment["basis"] == "speech"

    return Contender("this pipeline", command, reads, stamps=True)


def peer(name: str, command: Sequence[str], port: int, speech: frozenset[str], env: dict[str, str]) -> Contender:
    """A loop of `bench.peers`."""

    def reads(topic: str, payload: bytes) -> tuple[float, float, bool] | None:
        if topic != "peer/heard":
            return None
        said = json.loads(payload)
        return said["end_s"], said["seconds"], said["heard"] in speech

    return Contender(name, lambda source: [*command, source, str(port)], reads, env)


def fast(contender: Contender, wav: Path, port: int) -> tuple[float, float, list[tuple[float, str, bytes]]]:
    """Hear a recording as fast as it goes: CPU seconds, largest resident memory in MB, what was published."""
    listener = Listener(port)
    time.sleep(0.5)  # it has subscribed
    env = os.environ | ONE_THREAD | contender.env
    running = subprocess.Popen(contender.command(str(wav)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    assert running.stderr is not None
    said = running.stderr.read()
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, said.decode(errors="replace")[-2000:]
    time.sleep(0.5)
    listener.close()
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, listener.came


def live(contender: Contender, wav: Path, port: int) -> list[Heard]:
    """Hear a recording as it comes, piece by piece at its own pace; gives what was told of it, its ends in Unix s."""
    sound, _ = soundfile.read(wav, dtype="int16")
    listener = Listener(port)
    time.sleep(0.5)  # it has subscribed
    listener.came.clear()  # what the broker kept of others
    env = os.environ | ONE_THREAD | contender.env
    running = subprocess.Popen(
        contender.command("-"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    )
    assert running.stdin is not None
    wait_until(lambda: listener.came, 20)  # it says that it is there
    begun = time.time()
    for n, at in enumerate(range(0, len(sound) - _PIECE + 1, _PIECE), 1):
        time.sleep(max(0.0, begun + n * _PIECE / RATE - time.time()))  # a piece comes when its last sample was heard
        running.stdin.write(sound[at : at + _PIECE].tobytes())
        running.stdin.flush()
    running.stdin.close()
    running.wait(60)
    listener.close()
    found = []
    for came, topic, payload in listener.came:
        read = contender.reads(topic, payload)
        if read is not None:
            end, seconds, speech = read
            found.append(Heard(came, end if contender.stamps else begun + end, seconds, speech))
    return found


def python_of(environment: Path) -> Path:
    """The interpreter of an environment. Raises AssertionError when there is none."""
    path = environment / "bin" / "python"
    assert path.exists(), f"{path} is missing: `make test-train` makes the environment that ONNX Runtime is in"
    return path


def lean_path(folder: Path) -> dict[str, str]:
    """Let another environment import paho, which is Python alone, and nothing else of this one."""
    import paho

    beside = folder / "beside"
    if not beside.exists():
        beside.mkdir()
        (beside / "paho").symlink_to(next(iter(paho.__path__)))
    return {"PYTHONPATH": f"{beside}{os.pathsep}{Path(__file__).parents[2]}"}


def emotion_of_ours() -> float:
    """What the speech reader that ships is expected to score on RAVDESS, by its report."""
    report = Path(__file__).parents[2] / "training" / "reports" / "speech.md"
    ravdess = report.read_text().partition("### RAVDESS")[2]
    found = re.search(r"\| \*\*mean\*\* \| \*\*([0-9.]+)\*\*", ravdess)
    assert found, report
    return float(found[1])
