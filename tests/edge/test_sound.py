"""Levels of sound."""

import numpy as np
import pytest

from edge.sound import RATE, SILENCE_DBFS, level_dbfs


@pytest.mark.parametrize("offset", [0.0, 0.003, -0.03, 0.2])
def test_a_constant_offset_is_no_sound(offset):
    noise = 10 ** (-60 / 20) * np.random.default_rng(1).standard_normal(5 * RATE)
    assert level_dbfs((noise + offset).astype(np.float32)) == pytest.approx(-60, abs=0.2)


def test_the_lowest_level_is_that_of_digital_silence():
    assert level_dbfs(np.zeros(RATE, np.float32)) == SILENCE_DBFS
    assert level_dbfs(np.zeros(0, np.float32)) == SILENCE_DBFS
