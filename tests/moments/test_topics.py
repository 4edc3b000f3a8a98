import pytest
from hypothesis import given
from hypothesis import strategies as st

from moments.topics import KINDS, parse, topic, valid_device

devices = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


@given(devices, st.sampled_from(KINDS))
def test_a_topic_comes_apart_as_it_was_put_together(device, kind):
    assert parse(topic(device, kind)) == (device, kind)


@given(st.text(max_size=40))
def test_a_foreign_topic_is_refused(name):
    with pytest.raises(ValueError, match="is not a topic of"):
        parse(name)


@pytest.mark.parametrize("device", ["", "+", "#", "a/b", "-a", "a b", "x" * 65, "ä"])
def test_a_device_name_that_could_reach_anothers_topic_is_refused(device):
    assert not valid_device(device)
