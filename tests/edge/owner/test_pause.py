from edge.owner.pause import Pauses
from edge.owner.schedule import Span
from tests.edge.making import NOON

LUNCH = Span.model_validate({"from": "11:30", "to": "12:30"})


def test_without_a_reason_the_device_listens(tmp_path):
    assert Pauses(tmp_path).why(NOON) is None


def test_each_reason_is_told_and_the_owners_word_goes_first(tmp_path):
    pauses = Pauses(tmp_path)
    pauses.zone(inside=True)
    assert "zone" in pauses.why(NOON)
    pauses.spans = [LUNCH]
    assert "from 11:30 to 12:30" in pauses.why(NOON)
    pauses.said.begin(None)
    assert "owner" in pauses.why(NOON)


def test_the_end_of_the_owners_pause_does_not_end_the_schedule(tmp_path):
    pauses = Pauses(tmp_path)
    pauses.spans = [LUNCH]
    pauses.said.toggle()
    pauses.said.toggle()
    assert "schedule" in pauses.why(NOON)


def test_with_a_schedule_it_does_not_listen_before_it_knows_the_time(tmp_path):
    pauses = Pauses(tmp_path)
    assert pauses.why(None) is None, "without a schedule the time does not matter"
    pauses.spans = [LUNCH]
    assert "does not know the time" in pauses.why(None)
    assert pauses.why(NOON.replace(hour=20)) is None


def test_a_wrong_clock_does_not_end_the_owners_pause(tmp_path):
    pauses = Pauses(tmp_path)
    pauses.said.begin(NOON)
    assert "owner" in pauses.why(None)
    assert pauses.why(NOON) is None


def test_a_zones_pause_ends_only_with_a_fix_outside_also_across_a_reboot(tmp_path):
    pauses = Pauses(tmp_path)
    pauses.zone(inside=True)
    pauses.zone(inside=None)
    assert pauses.why(NOON)
    again = Pauses(tmp_path)
    assert again.why(NOON)
    again.zone(inside=False)
    assert again.why(NOON) is None
    assert Pauses(tmp_path).why(NOON) is None
