"""Two minutes of `make chaos`: real parts, and faults at random around the real device."""

import pytest

from bench.chaos.__main__ import run


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.needs("mosquitto", "pulseaudio", "gpsd", "gpsfake", "espeak-ng", "faketime")
@pytest.mark.timeout(420)
def test_in_two_minutes_of_faults_no_moment_is_lost_or_stored_twice_and_the_device_hears_again(tmp_path):
    outcome = run(tmp_path, minutes=2, seed=7)
    kinds = {fault.kind for fault in outcome.faults}
    assert kinds >= {
        *("microphone unplugged", "sound server killed", "broker killed", "network cut", "hub killed"),
        *("device killed", "clock jumps", "gpsd gone"),
    }
    assert outcome.kept > 10
    assert outcome.lost == 0
    assert outcome.dead_letters == 0
    assert all(seconds < 60 for seconds in outcome.deaf), "it hears again after each fault of the microphone"
    assert outcome.leaked_threads == 0
    assert outcome.ended_by_itself == 0
    assert outcome.exit_code == 0
