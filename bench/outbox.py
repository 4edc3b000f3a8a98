"""How fast months offline drain, and what the queue writes to the card.

python -m bench.outbox [--moments N]    prints a table; a full run puts it beside what bench.edge wrote

The drain runs the real device and the real hub, each a process of its own, over a mosquitto on this machine. What is
written to the card is counted by the block device of an ext4 on a loop mount, where this machine allows one, else by
the kernel for this process (`write_bytes` of /proc/self/io).
"""

import argparse
import os
import sqlite3
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.table import Figure, report
from edge.outbox.file import INSERT
from edge.outbox.queue import Outbox
from moments import EMOTIONS, Moment, uuid7
from tests.e2e.processes import Hub, kill, moodscape, settings
from tests.parts import Broker, free_port, wait_until

DEVICE = "pocket-1"
A_DAY = 2000
MOMENTS = 100_000
NOON = datetime(2026, 5, 22, 12, tzinfo=UTC)


def moment(n: int) -> Moment:
    """A moment of surroundings as a device makes them, about 900 bytes."""
    shares = dict.fromkeys(EMOTIONS, 0.05) | {"calm": 0.65}
    return Moment.model_validate(
        {"id": uuid7(), "device": DEVICE, "start": NOON + timedelta(seconds=n), "seconds": 15.0, "clock": "synced"}
        | {"origin": "ambient", "basis": "scene", "emotion": "calm", "confidence": 0.65, "emotions": shares}
        | {"valence": 0.42, "arousal": -0.31, "level_dbfs": -41.7}
        | {"scene": {"label": "rain", "group": "nature", "confidence": 0.83}}
        | {"rule": {"id": "rain-light", "because": "light rain at night"}}
        | {"place": {"lat": 35.1341, "lon": 129.1032, "accuracy_m": 6.5, "altitude_m": 21.0, "age_s": 1.2}}
        | {"models": {"gate": "gate-1@3f2a9c1d", "scene": "scene-1@99aa01ff", "rules": "1"}}
    )


def fill(path: Path, n: int) -> None:
    """Make an outbox in which `n` moments wait, in one commit."""
    Outbox(path, max_mb=1000, max_days=3650).close()
    with closing(sqlite3.connect(path)) as db:
        waiting = (moment(i) for i in range(n))
        rows = ((None, uuid.UUID(m.id).bytes, m.to_json(), 1, m.start.timestamp(), None, None) for m in waiting)
        db.executemany(INSERT, rows)
        db.commit()


def cpu_seconds(process: subprocess.Popen | None) -> float:
    """Give what a process has used so far, user and system."""
    assert process is not None
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(process: subprocess.Popen, what: str) -> float:
    """Give what a process has resident: VmRSS now, VmHWM at its peak."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(what))) / 1024


def drain(folder: Path, n: int) -> dict[str, Figure]:
    """Let a device find its broker and hub after `n` moments offline."""
    fill(folder / "outbox.db", n)
    broker = Broker(folder).start()
    hub = Hub(folder, broker.port).start().ready()
    values = settings(source="pipe:-", device=DEVICE, broker__port=broker.port, gps__port=free_port())
    values += settings(outbox__path=folder / "outbox.db", outbox__max_mb=1000)
    log = folder / "device.log"
    device = moodscape("edge", "run", *values, log=log, stdin=subprocess.PIPE)
    parts = {"device": device, "hub": hub.process, "broker": broker.process}
    try:
        wait_until(lambda: "connected" in log.read_text(), 60)
        begun, used = time.monotonic(), {name: cpu_seconds(part) for name, part in parts.items()}
        with closing(sqlite3.connect(folder / "hub.db")) as store:
            wait_until(lambda: store.execute("SELECT count(*) FROM moments").fetchone()[0] >= n, 600, step=0.2)
        took = time.monotonic() - begun
        costs = {name: 1e6 * (cpu_seconds(part) - used[name]) / n for name, part in parts.items()}
        health = wait_until(lambda: _told(hub, 0), 90, step=0.5)
        resident, peak = resident_mb(device, "VmRSS"), resident_mb(device, "VmHWM")
    finally:
        kill(device)
        hub.kill()
        broker.kill()
    return {
        f"drain of {n:,} waiting moments, device to `stored`": Figure(n / took, "/s", 2000, "at least"),
        **{f"CPU of the {name} for a moment of it": Figure(cost, "us") for name, cost in costs.items()},
        "resident memory of the device after it, all models loaded": Figure(resident, "MB", 100),
        "resident memory of the device at the peak of it": Figure(peak, "MB"),
        "of these sent twice": Figure(health["publish"].get("resent", 0), "", 0),
        "connections made for it": Figure(health["publish"]["connections"], "", 1),
    }


def _told(hub: Hub, depth: int) -> dict | None:
    """Give the device's last health if it says that so many moments wait."""
    (device,) = hub.get("/api/devices")["items"]
    health = device["health"]
    return health if health and health["outbox"]["depth"] == depth else None


@contextmanager
def card(folder: Path) -> Iterator[Path | None]:
    """An ext4 of its own on a loop mount; None where this machine allows none."""
    image, mount = folder / "card.img", folder / "card"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(128 << 20)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop,noatime", str(image), str(mount)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield mount
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def sectors_written(mount: Path) -> int:
    """Give how many bytes the block device under a mount has taken."""
    subprocess.run(["sync", "-f", str(mount)], check=True)
    number = mount.stat().st_dev
    stat = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat").read_text().split()
    return int(stat[6]) * 512


def process_wrote(_: Path) -> int:
    """Give how many bytes this process caused to be sent to the disk."""
    os.sync()
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def a_day(folder: Path) -> dict[str, Figure]:
    """Put and answer a day of moments, one at a time, as a device does that is online."""
    with card(folder) as mount:
        at, written = (folder, process_wrote) if mount is None else (mount, sectors_written)
        how = "by /proc/self/io" if mount is None else "at the block device of an ext4"
        box = Outbox(at / "outbox.db", max_mb=100, max_days=365)
        before = written(at)
        for n in range(A_DAY):
            each = moment(n)
            box.put(each)
            box.stored([each.id])
        box.close()
        return {
            f"written to the card a day of {A_DAY:,} moments, {how}": Figure((written(at) - before) / 1e6, "MB", 40)
        }


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--moments", type=int, default=MOMENTS, metavar="N", help="how many wait")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = a_day(folder)
        figures |= drain(folder, args.moments)
    report("edge", figures, write=args.moments == MOMENTS, beside=True)


if __name__ == "__main__":
    main()
