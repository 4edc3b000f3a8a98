"""A clip is sent, in parts if it must be, and heard by its owner."""

import hashlib

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from hub.records import clips
from moments import Clip, uuid7
from tests.hub.api.test_door import bearer
from tests.hub.moments import make
from tests.parts import wait_until

SOUND = bytes(range(256)) * 400
SHA = hashlib.sha256(SOUND).hexdigest()
PATH = f"/api/clips/{SHA}"
FLAC = {"Content-Type": "audio/flac"}
CLIP = Clip(sha256=SHA, seconds=4.2, media_type="audio/flac")


def part(client, first, last, body=SOUND, headers=FLAC, path=PATH):
    told = {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
    return client.put(path, content=body[first : last + 1], headers=headers | told)


def test_a_clip_is_sent_at_once_and_given_with_ranges(client):
    assert client.put(f"{PATH}?seconds=4.2", content=SOUND, headers=FLAC).status_code == 201
    assert client.put(PATH, content=SOUND, headers=FLAC).status_code == 200
    whole = client.get(PATH)
    assert (whole.content, whole.headers["content-type"]) == (SOUND, "audio/flac")
    some = client.get(PATH, headers={"Range": "bytes=1000-1999"})
    assert (some.status_code, some.content) == (206, SOUND[1000:2000])
    assert client.get(PATH, headers={"Range": "bytes=9999999-"}).status_code == 416
    assert client.head(PATH).status_code == 200


def test_a_clip_is_sent_in_parts_which_go_on_where_the_last_ended(client):
    assert (client.head(PATH).status_code, client.head(PATH).headers["upload-offset"]) == (404, "0")
    first = part(client, 0, 39_999)
    assert (first.status_code, first.headers["upload-offset"]) == (202, "40000")
    wrong = part(client, 50_000, len(SOUND) - 1)
    assert (wrong.status_code, wrong.headers["upload-offset"]) == (409, "40000")
    assert client.get(PATH).status_code == 404
    assert part(client, 40_000, len(SOUND) - 1).status_code == 201
    assert client.get(PATH).content == SOUND


def test_a_clip_with_another_hash_is_dropped(client, store):
    answer = client.put(f"/api/clips/{'0' * 64}", content=SOUND, headers=FLAC)
    assert (answer.status_code, answer.json()["field"]) == (422, "sha256")
    assert not [path for path in (store.path.parent / "sounds").rglob("*") if path.is_file()]
    part(client, 0, 9)
    spoilt = SOUND[:10] + b"x" + SOUND[11:]
    assert part(client, 10, len(SOUND) - 1, spoilt).status_code == 422
    assert client.head(PATH).headers["upload-offset"] == "0"


@pytest.mark.parametrize("told", ["bytes 0-9", "bytes 9-0/100", "bytes 0-100/100", "bytes 0-50/100", "items 0-9/100"])
def test_a_range_without_meaning_is_named(client, told):
    answer = client.put(PATH, content=b"x" * 10, headers=FLAC | {"Content-Range": told})
    assert (answer.status_code, answer.json()["field"]) == (422, "Content-Range")


def test_a_clip_that_is_too_large_is_refused(client):
    answer = client.put(PATH, content=b"x", headers=FLAC | {"Content-Range": "bytes 0-0/99999999999"})
    assert answer.status_code == 413


def test_what_is_no_sound_is_not_given_as_a_page(client):
    client.put(PATH, content=SOUND, headers={"Content-Type": "text/html"})
    assert client.get(PATH).headers["content-type"] == "application/octet-stream"


def test_only_the_owner_hears_a_clip_and_two_may_have_the_same(locked, store):
    record = uuid7()
    store.take([make(device="a", origin="mark", record=record), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    store.describe_device("b", name=None, owner="Bob")
    device, ann, bob = (
        bearer(store, "write", device="a"),
        bearer(store, owner="Ann"),
        bearer(store, "write", owner="Bob"),
    )
    assert locked.put(f"{PATH}?record={record}", content=SOUND, headers=FLAC | device).status_code == 201
    assert locked.get(PATH, headers=ann).content == SOUND
    assert locked.get(PATH, headers=bob).status_code == 404
    assert locked.put(PATH, content=b"I only know its name", headers=FLAC | bob).status_code == 422
    assert locked.put(f"{PATH}?device=a", content=SOUND, headers=FLAC | bob).json()["field"] == "device"
    assert locked.put(f"{PATH}?device=b", content=SOUND, headers=FLAC | bob).status_code == 201
    assert locked.get(PATH, headers=bob).content == SOUND
    assert locked.put(PATH, content=SOUND, headers=FLAC | ann).status_code == 403


def test_nothing_is_kept_for_a_device_that_another_owner_has_by_now(locked, store):
    store.describe_device("a", name=None, owner="Bob")
    ann, bob = bearer(store, "write", device="a", owner="Ann"), bearer(store, owner="Bob")
    for path in (PATH, f"{PATH}?device=a"):
        refused = locked.put(path, content=SOUND, headers=FLAC | ann)
        assert (refused.status_code, "not Ann's" in refused.json()["detail"]) == (403, True)
    assert locked.head(PATH, headers=ann).status_code == 403
    assert locked.get(PATH, headers=bob).status_code == 404
    assert files(store) == []


def test_whose_device_was_never_heard_hears_its_clip(locked, store):
    ann = bearer(store, "write", device="new", owner="Ann")
    assert locked.put(PATH, content=SOUND, headers=FLAC | ann).status_code == 201
    assert locked.get(PATH, headers=ann).content == SOUND


def test_a_clip_of_an_erased_record_is_not_wanted(client, store):
    record = uuid7()
    store.take([make(origin="mark", record=record)])
    assert client.delete(f"/api/records/{record}").status_code == 204
    assert client.put(f"{PATH}?record={record}", content=SOUND, headers=FLAC).status_code == 410


def files(store):
    return [path for path in (store.path.parent / "sounds").rglob("*") if path.is_file()]


def test_a_clip_whose_record_is_erased_while_it_arrives_is_not_kept(client, store):
    record = uuid7()
    store.take([make(origin="mark", record=record)])

    def body():
        yield SOUND[:60_000]
        wait_until(lambda: files(store))
        assert client.delete(f"/api/records/{record}").status_code == 204
        yield SOUND[60_000:]

    with httpx.Client(base_url=client.base_url) as device:
        assert device.put(f"{PATH}?record={record}", content=body(), headers=FLAC).status_code == 410
    assert client.get(PATH).status_code == 404
    assert files(store) == []


@pytest.mark.parametrize("piece", [{}, {"Content-Range": f"bytes 0-{len(SOUND) - 1}/{len(SOUND)}"}])
def test_an_ordinary_clip_whose_moment_was_erased_is_not_wanted(client, store, piece):
    moment = make(clip=CLIP)
    store.take([moment])
    path = f"{PATH}?device={moment.device}&moment={moment.id}"
    assert client.delete(f"/api/moments/{moment.id}").status_code == 204
    assert client.head(path).status_code == 410
    assert client.put(path, content=SOUND, headers=FLAC | piece).status_code == 410
    assert files(store) == []


def test_an_ordinary_clip_whose_moment_is_erased_while_it_arrives_is_not_kept(client, store):
    moment = make(clip=CLIP)
    store.take([moment])

    def body():
        yield SOUND[:60_000]
        wait_until(lambda: files(store))
        assert client.delete(f"/api/moments/{moment.id}").status_code == 204
        yield SOUND[60_000:]

    with httpx.Client(base_url=client.base_url) as device:
        answer = device.put(f"{PATH}?device={moment.device}&moment={moment.id}", content=body(), headers=FLAC)
    assert answer.status_code == 410
    assert client.get(PATH).status_code == 404
    assert files(store) == []


def test_an_ordinary_clip_that_comes_before_its_moment_is_kept(client, store):
    moment = make(clip=CLIP)
    store.take([make()])
    path = f"{PATH}?device={moment.device}&moment={moment.id}"
    assert client.put(path, content=SOUND, headers=FLAC).status_code == 201
    assert client.get(PATH).content == SOUND


@pytest.mark.parametrize("call", ["HEAD", "PUT"])
@pytest.mark.parametrize("of", ["record", "moment"])
def test_what_arrived_of_a_clip_that_was_erased_goes_with_the_next_call(client, store, of, call):
    record = uuid7()
    moment = make(clip=CLIP, **({"origin": "mark", "record": record} if of == "record" else {}))
    store.take([moment])
    path = f"{PATH}?device={moment.device}&{of}={record if of == 'record' else moment.id}"
    assert part(client, 0, 59_999, path=path).status_code == 202
    assert client.delete(f"/api/moments/{moment.id}").status_code == 204
    answer = client.head(path) if call == "HEAD" else part(client, 60_000, len(SOUND) - 1, path=path)
    assert answer.status_code == 410
    assert files(store) == []


def test_only_who_sees_a_device_ends_what_it_is_sending(locked, store):
    record = uuid7()
    store.take([make(device="a", origin="mark", record=record), make(device="b")])
    store.describe_device("a", name=None, owner="Ann")
    store.describe_device("b", name=None, owner="Bob")
    ann, bob = bearer(store, "write", owner="Ann"), bearer(store, "write", owner="Bob")
    path = f"{PATH}?device=a&record={record}"
    part(locked, 0, 9, headers=FLAC | ann, path=path)
    assert locked.delete(f"/api/records/{record}", headers=ann).status_code == 204
    assert locked.head(path, headers=bob).status_code == 410
    assert len(files(store)) == 1
    assert locked.head(path, headers=ann).status_code == 410
    assert files(store) == []


def test_an_owner_s_token_goes_on_with_a_device_s_clip_and_a_look_makes_no_device(locked, store):
    store.take([make(device="a")])
    store.describe_device("a", name=None, owner="Ann")
    ann = bearer(store, "write", owner="Ann")
    assert part(locked, 0, 59_999, headers=FLAC | ann, path=f"{PATH}?device=a").status_code == 202
    assert locked.head(f"{PATH}?device=a", headers=ann).headers["upload-offset"] == "60000"
    assert locked.head(PATH, headers=ann).headers["upload-offset"] == "0"
    found = locked.get("/api/devices", headers=bearer(store)).json()["items"]
    assert [device["id"] for device in found] == ["a"]


def test_a_clip_that_is_arriving_already_tells_how_much_is_here(client, store):
    store.take([make()])

    def body():
        yield SOUND[:60_000]
        wait_until(lambda: files(store) and files(store)[0].stat().st_size == 60_000)
        other = part(client, 0, len(SOUND) - 1)
        assert (other.status_code, other.headers["upload-offset"]) == (409, "60000")
        yield SOUND[60_000:]

    with httpx.Client(base_url=client.base_url) as device:
        assert device.put(PATH, content=body(), headers=FLAC).status_code == 201


@pytest.mark.parametrize("field", ["record", "moment"])
def test_an_id_without_meaning_is_named(client, field):
    answer = client.put(f"{PATH}?{field}=m1", content=SOUND, headers=FLAC)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_clip_that_the_store_does_not_take_is_sent_anew(client, store, monkeypatch):
    def locked(*_args):
        raise OperationalError("", None, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr("hub.records.clips.leave_sounds", locked)
        assert client.put(PATH, content=SOUND, headers=FLAC).status_code == 503
    assert files(store) == []
    assert client.head(PATH).headers["upload-offset"] == "0"
    assert client.put(PATH, content=SOUND, headers=FLAC).status_code == 201


def another(n):
    """Give one of many sounds, and its path."""
    body = bytes([n]) + SOUND
    return body, f"/api/clips/{hashlib.sha256(body).hexdigest()}?device=pocket-1"


@pytest.fixture
def room_for_two(store, monkeypatch):
    """A device is known, and may send two clips that nothing names."""
    store.take([make()])
    monkeypatch.setattr(clips, "MOST_UNNAMED", 250_000)


def test_of_clips_that_nothing_names_a_device_has_so_much_here_and_a_named_one_always_comes(
    client, store, room_for_two
):
    (first, to_first), (second, to_second), (third, to_third), (fourth, to_fourth) = map(another, range(4))
    assert client.put(to_first, content=first, headers=FLAC).status_code == 201
    assert client.put(to_second, content=second, headers=FLAC).status_code == 201
    refused = client.put(to_third, content=third, headers=FLAC)
    assert (refused.status_code, "when its moment is here" in refused.json()["detail"]) == (507, True)
    assert part(client, 0, 9, third, path=to_third).status_code == 202
    assert client.put("/api/clips/" + to_fourth[11:75], content=fourth, headers=FLAC).status_code == 201, (
        "its own bound"
    )
    store.take([make(clip=named(third))])
    assert part(client, 10, len(third) - 1, third, path=to_third).status_code == 201
    assert client.put(to_fourth, content=fourth, headers=FLAC).status_code == 507
    store.take([make(clip=named(first))])
    assert client.put(to_fourth, content=fourth, headers=FLAC).status_code == 201


def named(sound):
    return Clip(sha256=hashlib.sha256(sound).hexdigest(), seconds=4.2, media_type="audio/flac")


def test_what_has_come_of_others_counts_among_them(client, room_for_two):
    for n in range(2):
        body, path = another(n)
        assert part(client, 0, len(body) - 2, body, path=path).status_code == 202
    body, path = another(2)
    assert part(client, 0, len(body) - 2, body, path=path).status_code == 507


@pytest.mark.parametrize("of", ["record", "moment"])
def test_who_says_that_a_clip_is_of_something_here_that_does_not_name_it_is_not_believed(
    client, store, of, room_for_two
):
    held = make(clip=CLIP, origin="mark", record=uuid7())
    store.take([held])
    told = f"&{of}={held.record if of == 'record' else held.id}"
    answers = [client.put(path + told, content=body, headers=FLAC).status_code for body, path in map(another, range(3))]
    assert answers == [201, 201, 507]


def test_clips_that_nothing_names_arrive_one_at_a_time(client, store, room_for_two):
    (first, to_first), (second, to_second) = map(another, range(2))

    def body():
        yield first[:60_000]
        wait_until(lambda: files(store))
        assert client.put(to_second, content=second, headers=FLAC).status_code == 409
        assert client.put(f"{PATH}?device=pocket-1", content=SOUND, headers=FLAC).status_code == 201
        yield first[60_000:]

    store.take([make(clip=CLIP)])
    with httpx.Client(base_url=client.base_url) as device:
        length = {"Content-Length": str(len(first))}
        assert device.put(to_first, content=body(), headers=FLAC | length).status_code == 201
