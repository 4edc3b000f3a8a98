"""The short form of `make soak`: twenty minutes of sound at speed."""

import pytest

from bench.soak import run


@pytest.mark.slow
@pytest.mark.needs("espeak-ng")
def test_twenty_minutes_of_sound_give_the_scripts_moments_and_nothing_grows(tmp_path):
    figures = run(1 / 3, tmp_path)
    holds = {name: figure.holds for name, figure in figures.items() if figure.holds is not None}
    holds.pop("memory slope, over the whole")  # so short a run still fills its caches
    assert all(holds.values()), figures
    assert figures["memory slope, over the whole"].value < 8
    assert figures["utterances in the script"].value > 30
