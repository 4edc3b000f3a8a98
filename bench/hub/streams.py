"""Two hundred subscribers of the event stream while moments arrive: whether all get all, and how late."""

import asyncio
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np

from bench.hub.running import Devices, Hub
from bench.table import Figure
from tests.parts import Broker

SUBSCRIBERS = 200
RATE = 500.0
_SENT = b'"sent_ns":'
_DIGITS = 19


async def _subscribe(port: int, counts: list[int], late_ms: list[float], n: int, end: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(f"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    rest = b""
    while (left := end - time.time()) > 0:
        try:
            piece = await asyncio.wait_for(reader.read(1 << 18), left)
        except TimeoutError:
            break
        now = time.time_ns()
        whole, _, rest = (rest + piece).rpartition(b"\n\n")
        counts[n] += whole.count(b"event: moment")
        # The oldest and the newest of what came together: to read each would take a core.
        found = (whole.find(_SENT), whole.rfind(_SENT))
        late_ms += [(now - int(whole[at + len(_SENT) : at + len(_SENT) + _DIGITS])) / 1e6 for at in found if at >= 0]
    writer.close()


def _listen(port: int, end: float, out: str) -> None:
    counts, late_ms = [0] * SUBSCRIBERS, list[float]()

    async def all_of_them() -> None:
        await asyncio.gather(*(_subscribe(port, counts, late_ms, n, end) for n in range(SUBSCRIBERS)))

    asyncio.run(all_of_them())
    Path(out).write_text(json.dumps({"counts": counts, "late_ms": late_ms}))


def figures(folder: Path, seconds: float) -> dict[str, Figure]:
    """Publish at 500 a second for so long, and listen somewhat longer."""
    broker = Broker(folder).start()
    hub = Hub(folder, {"broker.port": broker.port}).start()
    out = folder / "heard.json"
    end = time.time() + seconds + 15
    listening = multiprocessing.get_context("spawn").Process(target=_listen, args=(hub.port, end, str(out)))
    listening.start()
    time.sleep(5)
    devices = Devices(broker.port)
    cpu = hub.cpu_s()
    devices.run(seconds, RATE, stamped=True)
    devices.settle(10)
    spent = hub.cpu_s() - cpu
    listening.join()
    devices.close()
    hub.stop()
    broker.kill()
    heard = json.loads(out.read_text())
    missed = sum(len(devices.ids) - count for count in heard["counts"])
    return {
        "stream: published a second": Figure(len(devices.ids) / seconds, "1/s"),
        "stream: events that a subscriber missed, of 200": Figure(missed, "events", 0),
        "stream: from publishing to a subscriber, p99": Figure(float(np.percentile(heard["late_ms"], 99)), "ms", 250),
        "stream: from publishing to a subscriber, median": Figure(float(np.median(heard["late_ms"])), "ms"),
        "stream: CPU of the hub": Figure(100 * spent / seconds, "%"),
    }
