"""The command `moodscape`, with stand-ins for the models: tests of the daemon do not need weights.

With HANG in the environment the speech reader never answers; with CRASH it raises. With TIME_IS_KNOWN the time is
known once the file that it names is there.
"""

import os
import sys
import time
from pathlib import Path
from unittest import mock

from edge import listener
from edge.clock import Clock
from edge.pipeline import Pipeline
from moodscape.cli import main
from tests.edge.parts import FakeSpeech, pipeline


class Speech(FakeSpeech):
    def read(self, samples):
        if "HANG" in os.environ:
            time.sleep(3600)
        if "CRASH" in os.environ:
            raise ZeroDivisionError("a model that is broken")
        return super().read(samples)


def load(rules, **options):
    return pipeline(**options | {"speech": Speech()})


if __name__ == "__main__":
    listener._STUCK_S = 1.5
    if "TIME_IS_KNOWN" in os.environ:
        Clock.__init__.__kwdefaults__["known"] = Path(os.environ["TIME_IS_KNOWN"]).exists
    with mock.patch.object(Pipeline, "load", load):
        sys.exit(main())
