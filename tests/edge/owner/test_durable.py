"""What was put or removed is so after a power cut: the folder that names it is on the disk too."""

import stat

from edge.owner import durable
from edge.owner.pause import Pause


def test_the_name_of_a_file_that_is_put_is_on_the_disk(tmp_path, synced):
    path = tmp_path / "state" / "owner.json"
    for content in (b"old", b"new"):
        durable.put(path, content)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert synced == [["owner.json"]] * 2


def test_a_file_that_is_removed_has_no_name_on_the_disk(tmp_path, synced):
    path = tmp_path / "paused.json"
    durable.put(path, b"null")
    durable.remove(path)
    assert synced == [["paused.json"], []]
    durable.remove(path)
    durable.remove(tmp_path / "nowhere" / "paused.json")
    assert synced == [["paused.json"], []], "what is not there costs nothing"


def test_a_pause_that_began_or_ended_is_so_after_a_power_cut(tmp_path, synced):
    pause = Pause(tmp_path / "paused.json")
    pause.begin(None)
    pause.end()
    assert synced == [["paused.json"], []]
