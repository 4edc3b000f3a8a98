"""What could not be read is judged again."""

from hub.ingest.replaying import replay
from hub.query import pages
from hub.query.filter import Filter
from hub.stores.store import Letter
from tests.hub.moments import make


def test_a_dead_letter_is_kept_once_and_becomes_a_moment_when_it_can_be_read(any_store):
    good, bad = make(), Letter("moodscape/v1/pocket-1/moment", "of no use", b"{}")
    held = Letter("moodscape/v1/pocket-1/moment", "schema 2 is newer", good.to_json())
    any_store.take([], [bad, held])
    any_store.take([], [bad, held])
    assert replay(any_store) == (1, 1)
    assert replay(any_store) == (0, 1)
    assert [item["id"] for item in pages.everything(any_store, Filter())] == [good.id]
