import pytest
from hypothesis import given
from hypothesis import strategies as st

from moments import COORDINATES, EMOTIONS, expected_affect


def test_every_emotion_has_coordinates_inside_the_plane():
    assert set(COORDINATES) == set(EMOTIONS)
    assert all(-1 <= value <= 1 for pair in COORDINATES.values() for value in pair)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_certain_emotion_lies_at_its_own_coordinates(emotion):
    certain = {label: float(label == emotion) for label in EMOTIONS}
    assert expected_affect(certain) == COORDINATES[emotion]


@given(st.lists(st.floats(0.001, 1), min_size=8, max_size=8))
def test_a_mixture_stays_inside_the_plane(weights):
    emotions = {label: w / sum(weights) for label, w in zip(EMOTIONS, weights, strict=True)}
    assert all(-1 <= value <= 1 for value in expected_affect(emotions))
