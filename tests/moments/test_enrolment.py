"""The code that is carried from hub to device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moments.enrolment import Code, split_address, valid_address

hosts = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,60}", fullmatch=True) | st.ip_addresses(v=4).map(str)
hosts |= st.ip_addresses(v=6).map(lambda address: f"[{address}]")
addresses = st.builds("{}:{}".format, hosts, st.integers(1, 65_535))
codes = st.builds(Code, addresses, st.binary(min_size=32, max_size=32), st.binary(min_size=16, max_size=16))


@given(codes)
def test_a_code_is_read_as_it_was_written(code):
    assert Code.parse(code.text()) == code
    assert set(code.text()) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(codes, st.data())
def test_a_code_that_was_mistyped_or_cut_off_is_told(code, data):
    text = code.text()
    at = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda letter: letter != text[at]))
    for wrong in (text[:at], text[:at] + other + text[at + 1 :]):
        with pytest.raises(ValueError, match="no enrolment code"):
            Code.parse(wrong)


@given(st.text())
def test_any_text_is_a_code_or_refused(text):
    with pytest.raises(ValueError, match="no enrolment code"):
        Code.parse(text)


@pytest.mark.parametrize("text", ["hub", "hub:0", "hub:65536", "http://hub:1", "hub:1/x", "a b:1", "[::1", ":80"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="NAME:PORT"):
        valid_address(text)


def test_an_address_is_taken_apart():
    assert split_address("hub.local:8443") == ("hub.local", 8443)
    assert split_address("[fd00::1]:8443") == ("fd00::1", 8443)


def test_an_address_of_the_older_kind_in_one_of_the_newer_is_taken():
    assert valid_address("[::ffff:192.168.1.4]:8443") == "[::ffff:192.168.1.4]:8443"
