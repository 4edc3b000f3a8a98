"""What SQL finds equals what plain Python finds, for generated moments and generated filters."""

import math
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.query import pages
from hub.query.filter import parse
from hub.query.sql import EARTH_M
from hub.stores.words import words
from moments import EMOTIONS, Place, Scene
from tests.hub.moments import clip, make

DAY = date(2026, 3, 28)  # the night to the 29th has the change to summer time in Europe
ZONES = ("Asia/Seoul", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu")
LABELS = (("rain", "nature"), ("street_traffic", "city"), ("cafe", "people"))
NOTES = ("rainy cafe", "a walk in the Rain", "비 오는 날", "x=1")
OWNERS = {"pocket-1": "Ann", "pocket-2": None, "pocket-3": "Bo"}

offsets = st.integers(-18 * 4, 18 * 4).map(lambda quarter: timezone(timedelta(minutes=15 * quarter)))
starts = st.builds(
    lambda hours, ms, zone: datetime(2026, 3, 28, tzinfo=zone) + timedelta(hours=hours, milliseconds=ms),
    st.integers(-72, 72) | st.sampled_from((-48, -24, 0, 24, 48)),  # midnights among them
    st.sampled_from((0, 0, 1, 250, 3_599_999)),
    offsets,
)
lats = st.sampled_from((-90.0, -89.9995, -10.0, 0.0, 35.1341, 35.1345, 35.2, 89.9999, 90.0))
lons = st.sampled_from((-180.0, -179.9999, -0.001, 0.0, 129.1032, 129.11, 179.9995, 180.0))
places = st.none() | st.builds(lambda lat, lon: Place(lat=lat, lon=lon), lats, lons)
affects = st.sampled_from((-1.0, -0.5, 0.0, 0.25, 1.0))
scenes = st.none() | st.sampled_from(LABELS).map(lambda s: Scene(label=s[0], group=s[1], confidence=0.5))


@st.composite
def stored(draw):
    """(moment, note, correction)."""
    changes = {
        "start": draw(starts),
        "place": draw(places),
        "scene": draw(scenes),
        "device": draw(st.sampled_from(sorted(OWNERS))),
        "origin": draw(st.sampled_from(("ambient", "mark", "upload", "note"))),
        "clip": draw(st.sampled_from((None, clip()))),
    }
    if draw(st.booleans()):
        felt = {
            "valence": draw(affects),
            "arousal": draw(affects),
            "confidence": draw(st.sampled_from((0.0, 0.5, 1.0))),
        }
        changes |= felt | {"emotion": draw(st.sampled_from((*EMOTIONS, "unclear")))}
        changes["basis"] = draw(st.sampled_from(("speech", "scene")))
    else:
        changes["basis"] = "none"
    return make(**changes), draw(st.none() | st.sampled_from(NOTES)), draw(st.none() | st.sampled_from(EMOTIONS))


def pair(low_high):
    return ",".join(map(str, sorted(low_high)))


def some(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


days = st.integers(-3, 3).map(lambda n: (DAY + timedelta(days=n)).isoformat())
instants = starts.map(lambda at: at.isoformat(timespec="milliseconds")) | st.just("2026-03-28T10:00:00.0005+05:45")
MANY = {
    "emotion": some((*EMOTIONS, "unclear")),
    "basis": some(("speech", "scene", "none")),
    "origin": some(("ambient", "mark")),
    "scene": some(("rain", "cafe", "nowhere")),
    "device": some(tuple(OWNERS)),
    "has": some(("note", "clip", "place")),
}
ONE = {
    "owner": st.sampled_from(("Ann", "Bo", "Cy")),
    "from": days | instants,
    "to": days | instants,
    "min_confidence": st.sampled_from(("0", "0.5", "1")),
    "valence": st.tuples(affects, affects).map(pair),
    "arousal": st.tuples(affects, affects).map(pair),
    "text": st.sampled_from(("rai", "rain caf", "TRAFFIC", "비", "1", "nature walk", "zzz")),
    "near": st.builds(lambda lat, lon: f"{lat},{lon}", lats, lons),
    "bbox": st.builds(lambda w, e, ns: f"{w},{min(ns)},{e},{max(ns)}", lons, lons, st.tuples(lats, lats)),
}


@st.composite
def queries(draw):
    """Pairs of a query: one to three parts, so that most queries find something."""
    asked = []
    for name in draw(st.lists(st.sampled_from((*MANY, *ONE)), min_size=1, max_size=3, unique=True)):
        if name in MANY:
            asked += [(name, value) for value in draw(MANY[name])]
        else:
            asked.append((name, draw(ONE[name])))
        if name == "near":
            asked += [("radius_m", draw(st.sampled_from(("0", "100", "600", "30000", "9999999", "20015200"))))]
    tz = draw(st.none() | st.sampled_from(ZONES))
    return asked if tz is None else [*asked, ("tz", tz)]


def metres(lat1, lon1, lat2, lon2):
    lat1, lon1, lat2, lon2 = map(math.radians, (lat1, lon1, lat2, lon2))
    a = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1, math.sqrt(a)))


def comes_after(moment, bound, tz):
    """Whether a moment starts at or after a bound, as its wearer's wall clock or an instant says."""
    if isinstance(bound, datetime):
        return moment.start >= bound
    if tz:
        return moment.start >= datetime.combine(bound, time(), ZoneInfo(tz))
    return moment.start.date() >= bound


def within(moment, asked):
    if asked.bbox or asked.near:
        if moment.place is None:
            return False
        lat, lon = moment.place.lat, moment.place.lon
        if asked.bbox:
            west, south, east, north = asked.bbox
            across = west <= lon <= east if west <= east else lon >= west or lon <= east
            if not (south <= lat <= north and across):
                return False
        if asked.near:
            return metres(lat, lon, *asked.near) <= asked.radius_m + 1e-6
    return True


def says(moment, note, text):
    scene = f"{moment.scene.label} {moment.scene.group}" if moment.scene else ""
    said = words(note or "") + words(scene)
    return all(any(word.startswith(start) for word in said) for start in words(text))


def means(asked, moment, note, correction):
    felt = correction or moment.emotion
    has = {"note": note is not None, "clip": moment.clip is not None, "place": moment.place is not None}
    return all(
        (
            not asked.emotion or felt in asked.emotion,
            not asked.basis or moment.basis in asked.basis,
            not asked.origin or moment.origin in asked.origin,
            not asked.scene or (moment.scene is not None and moment.scene.label in asked.scene),
            not asked.device or moment.device in asked.device,
            asked.owner is None or OWNERS[moment.device] == asked.owner,
            asked.begin is None or comes_after(moment, asked.begin, asked.tz),
            asked.end is None or not comes_after(moment, asked.end, asked.tz),
            within(moment, asked),
            asked.min_confidence is None
            or (moment.confidence is not None and moment.confidence >= asked.min_confidence),
            not asked.valence
            or (moment.valence is not None and asked.valence[0] <= moment.valence <= asked.valence[1]),
            not asked.arousal
            or (moment.arousal is not None and asked.arousal[0] <= moment.arousal <= asked.arousal[1]),
            not asked.text or says(moment, note, asked.text),
            all(has[part] for part in asked.has),
        )
    )


@pytest.mark.parametrize(
    ("note", "text", "meant"),
    [
        ("हम नदी दूर तक गए", "हिन्दी", False),
        ("हिन्दी में लिखा", "हिन्दी", True),
        ("हिन्दी में लिखा", "हिन", True),
        ("মন ভালো", "মা", False),
        ("আমার মা", "মা", True),
        ("பகல் நேரம்", "பூ", False),
        ("ஒரு பூ", "பூ", True),
        ("แมวหลับ", "แม่", False),
        ("แม่มาแล้ว", "แม่", True),
        ("İstanbul'da güzel bir gün", "istanbul", True),
        ("istanbul'da güzel bir gün", "İSTANBUL", True),
        ("e\u0301te\u0301", "été", True),
        ("été", "ete", False),
        ("바다 보며 커피", "\u1107\u1161\u1103\u1161", True),
        ("바닷가", "바다", False),
        ("か\u3099っこうへ", "がっこう", True),
        ("かっこうへ", "がっこう", False),
        ("葛\U000e0100城", "城", True),
        ("1\ufe0f\u20e3 first", "1", True),
        ("snake_case", "case", True),
    ],
)
def test_a_word_is_found_in_its_own_script_and_no_other_in_its_place(store, note, text, meant):
    moment = make(scene=None)
    store.take([moment])
    store.write_note(moment.id, note)
    with store.reading() as connection:
        assert pages.total(connection, parse([("text", text)])[0]) == (int(meant), True)


@pytest.mark.parametrize("text", ["\u093f", "\u2764\ufe0f", "..."])
def test_what_has_no_letter_has_no_word(text):
    assert words(text) == []


def filled(store, held):
    for device, owner in OWNERS.items():
        store.describe_device(device, name=None, owner=owner)
    store.take([moment for moment, _, _ in held])
    for moment, note, correction in held:
        if note:
            store.write_note(moment.id, note)
        if correction:
            store.correct(moment.id, correction)
    return store


FOUND_AT_ONCE = (Phase.explicit, Phase.generate)  # a smaller example is not worth minutes


@pytest.mark.slow
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=FOUND_AT_ONCE,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.lists(stored(), min_size=1, max_size=12), st.lists(queries(), min_size=1, max_size=16))
def test_each_store_finds_what_plain_python_finds(new_store, held, asked):
    store = filled(new_store(), held)
    for query in asked:
        filter_, _ = parse(query)
        expected = {moment.id for moment, note, correction in held if means(filter_, moment, note, correction)}
        with store.reading() as connection:
            page = pages.page(connection, filter_, pages.Paging())
            counted = pages.total(connection, filter_)
        assert {item["id"] for item in page.items} == expected, query
        assert counted == (len(expected), True)


@pytest.mark.slow
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=FOUND_AT_ONCE,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(stored(), min_size=1, max_size=30),
    st.sampled_from(("newest", "oldest")),
    st.integers(1, 7),
    st.sampled_from(([], [("near", "35.1341,129.1032"), ("radius_m", "600")])),
)
def test_pages_neither_skip_nor_repeat_while_moments_arrive(new_store, held, order, limit, query):
    first, later = held[: len(held) // 2 + 1], held[len(held) // 2 + 1 :]
    store = filled(new_store(), first)
    filter_, _ = parse(query)
    seen, cursor = [], None
    while True:
        with store.reading() as connection:
            after = pages.read_paging({"cursor": cursor}).after if cursor else None
            page = pages.page(connection, filter_, pages.Paging(order, limit, after))
        seen += page.items
        cursor = page.next
        if cursor is None:
            break
        if later:
            store.take([later.pop()[0]])
    times = [datetime.fromisoformat(item["start"]) for item in seen]
    assert times == sorted(times, reverse=order == "newest")
    assert len({item["id"] for item in seen}) == len(seen)
    wanted = {moment.id for moment, note, correction in first if means(filter_, moment, note, correction)}
    assert wanted <= {item["id"] for item in seen}
