"""A receiver without satellites: a log of positions, and a real gpsd that reads it."""

import contextlib
import subprocess
from datetime import timedelta

from tests.parts import answers, free_port, program, wait_until

LAT, LON = 35.1341, 129.1032


def sentence(body):
    check = 0
    for character in body:
        check ^= ord(character)
    return f"${body}*{check:02X}\r\n"


def degrees(value, width):
    whole = int(abs(value))
    return f"{whole:0{width}d}{(abs(value) - whole) * 60:07.4f}"


def nmea(seconds, *, begin, fix=True):
    """A receiver's log: one position a second, or a receiver that searches."""
    lines = []
    for second in range(seconds):
        at = begin + timedelta(seconds=second)
        clock, day = at.strftime("%H%M%S.00"), at.strftime("%d%m%y")
        where = f"{degrees(LAT, 2)},N,{degrees(LON, 3)},E"
        used = "01,02,03,04,05,06" if fix else ",,,,,"
        lines += [
            sentence(f"GPGGA,{clock},{where if fix else ',,,'},{int(fix)},06,1.2,21.0,M,20.0,M,,"),
            sentence(f"GPGSA,A,{3 if fix else 1},{used},,,,,,,2.0,1.2,1.6"),
            sentence("GPGSV,2,1,06,01,60,100,40,02,50,200,40,03,40,300,40,04,30,050,40"),
            sentence("GPGSV,2,2,06,05,20,150,40,06,70,250,40"),
            sentence(f"GPRMC,{clock},{'A' if fix else 'V'},{where if fix else ',,,'},0.0,0.0,{day},,,A"),
        ]
    return "".join(lines)


class Gpsd:
    """A real gpsd that reads a made receiver.

    `pause_s`: between two sentences, of which a position has five. `within`: a command that starts another in a network
    of its own, where nothing here can ask whether it answers.
    """

    def __init__(self, folder, pause_s=0.02, within=()):
        self.folder, self.port, self.process = folder, free_port(), None
        self._pause_s, self._within = pause_s, within

    def start(self, log):
        path = self.folder / "receiver.log"
        path.write_text(log)
        with (self.folder / "gpsfake.log").open("ab") as out:
            options = ["-n", "-1", "-c", str(self._pause_s), "-P", str(self.port)]
            command = [*self._within, program("gpsfake"), *options, str(path)]
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        if not self._within:
            wait_until(lambda: answers(self.port), 20)
        return self

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.process = None
            wait_until(lambda: not answers(self.port), 10)
