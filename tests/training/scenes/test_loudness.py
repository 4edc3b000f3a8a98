"""How much a decibel counts is found again in answers that were made with a known slope."""

import csv

import numpy as np
import pytest

from training.scenes import loudness


@pytest.fixture
def database(tmp_path):
    """Each dB costs a hundredth of the scale; traffic is heard at the louder places and costs as much again."""
    random = np.random.default_rng(0)
    path = tmp_path / "isd.csv"
    names = ["LocationID", loudness._LEVEL, *loudness._AXES, *loudness._SOURCES]
    with path.open("w", encoding="utf-8", newline="") as lines:
        out = csv.writer(lines)
        out.writerow(names)
        for row in range(600):
            traffic = int(random.integers(1, 6))
            level = 50 + 4 * traffic + random.normal(0, 5)
            pleasant = -0.01 * (level - 60) - 0.05 * traffic
            spread = pleasant * loudness._MOST * np.cos(np.arange(8) * np.pi / 4) / 4
            out.writerow([f"place{row % 10}", level, *(3 + spread), traffic, 2, 3, 1])
        out.writerow(["place0", "", *[3] * 8, 1, 2, 3, 1])
    return path


def test_the_axes_are_projected_as_the_standard_does(database):
    answers = loudness.read(database)
    assert len(answers.place) == 600  # the one without a level is left out
    expected = -0.01 * (answers.level_db - 60) - 0.05 * answers.sources[:, 0]
    assert np.allclose(answers.pleasant, expected)
    assert np.allclose(answers.eventful, 0)


def test_the_slope_at_equal_sources_is_that_of_the_level_alone(database):
    answers = loudness.read(database)
    alone, error = loudness.slope(answers, answers.pleasant, equal_sources=True)
    together, _ = loudness.slope(answers, answers.pleasant, equal_sources=False)
    assert alone == pytest.approx(-0.01, abs=1e-9)
    assert error < 1e-9
    assert together < -0.012


def test_it_prints_both_slopes(database, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["loudness", str(database)])
    loudness.main()
    printed = capsys.readouterr().out
    assert "600 answers at 10 places" in printed
    assert "pleasantness, equal sources: -0.0100" in printed
