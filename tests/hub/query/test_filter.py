"""What a query may say, and what is said to one that says something else."""

import re
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.query.filter import PARAMETERS, BadQuery, Filter, parse
from hub.query.say import describes
from moments import EMOTIONS, UNCLEAR


def said(query, language="en"):
    from urllib.parse import parse_qsl

    return describes(parse(parse_qsl(query))[0], language)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("emotion=joy", "emotion"),
        ("basis=sound", "basis"),
        ("origin=x", "origin"),
        ("scene=", "scene"),
        ("scene=rain%00", "scene"),
        ("owner=Ann%0A", "owner"),
        ("device=a/b", "device"),
        ("owner=a&owner=b", "owner"),
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("from=2026-05-22T09:00:00", "from"),
        ("from=2026-W21-1", "from"),
        ("to=2026-05-22T25:00:00Z", "to"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=0,10,1,5", "bbox"),
        ("bbox=0,0,181,5", "bbox"),
        ("near=91,0", "near"),
        ("near=nan,0", "near"),
        ("radius_m=5", "radius_m"),
        ("near=1,1&radius_m=-5", "radius_m"),
        ("min_confidence=1.1", "min_confidence"),
        ("min_confidence=1_0", "min_confidence"),
        ("valence=1,-1", "valence"),
        ("arousal=1", "arousal"),
        ("text=...", "text"),
        ("has=wings", "has"),
        ("tz=Mars/Base", "tz"),
        ("tz=../../etc/passwd", "tz"),
        ("colour=red", "colour"),
    ],
)
def test_a_wrong_value_names_its_field(query, field):
    from urllib.parse import parse_qsl

    with pytest.raises(BadQuery) as wrong:
        parse(parse_qsl(query, keep_blank_values=True))
    assert wrong.value.field == field
    assert wrong.value.why


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PARAMETERS), st.text(max_size=30)), max_size=4))
def test_any_text_is_read_or_refused(pairs):
    try:
        filter_, rest = parse(pairs)
    except BadQuery as wrong:
        refused = wrong
    else:
        refused = None
        assert rest == {}
        assert describes(filter_)
        assert describes(filter_, "ko")
    assert refused is None or refused.field in PARAMETERS


def test_what_means_the_same_is_the_same_filter():
    assert parse([("emotion", "calm"), ("emotion", "anger")]) == parse([("emotion", "anger"), ("emotion", "calm")])
    assert parse([("has", "note,clip")]) == parse([("has", "clip"), ("has", "note")])


def test_a_time_zone_alone_narrows_nothing():
    assert not Filter(tz="Asia/Seoul").narrows
    assert Filter(text="sea").narrows


@pytest.mark.parametrize(
    ("query", "english"),
    [
        ("", "all moments"),
        ("emotion=sadness", "sad moments"),
        ("emotion=anger&emotion=fear&emotion=calm", "angry, calm or fearful moments"),
        (
            "emotion=sadness&near=35.1341,129.1032&from=2026-05-01&to=2026-06-01",
            "sad moments within 500 m of 35.1341, 129.103 in May 2026",
        ),
        ("near=0,0&radius_m=1500", "moments within 1.5 km of 0, 0"),
        ("from=2026-05-22&to=2026-05-23&tz=Asia/Seoul", "moments on 22 May 2026 (Asia/Seoul)"),
        ("from=2025-01-01&to=2026-01-01", "moments in 2025"),
        ("from=2026-12-01&to=2027-01-01", "moments in December 2026"),
        ("from=2026-05-22", "moments since 22 May 2026"),
        ("to=2026-05-22T09:00:00%2B09:00", "moments before 22 May 2026 09:00 +0900"),
        ("basis=speech&has=note&text=sea", "moments of speech that say “sea” with a note"),
        ("min_confidence=0.5&valence=-1,0", "moments at least 50 % sure with valence -1 to 0"),
        ("scene=rain&device=pocket-1&owner=Ann", "moments that sound like rain by pocket-1 of Ann"),
    ],
)
def test_it_says_what_it_means(query, english):
    assert said(query) == english


@pytest.mark.parametrize(
    ("query", "korean"),
    [
        ("", "모든 순간"),
        (
            "emotion=sadness&from=2026-05-01&to=2026-06-01&near=35.1,129.1",
            "2026년 5월 35.1, 129.1에서 500 m 안의 슬픈 순간",
        ),
        ("bbox=129.05,35.06,129.15,35.2", "위도 35.06~35.2, 경도 129.05~129.15 안의 순간"),
        ("text=집", "“집”이라는 말이 있는 순간"),
        ("text=바다", "“바다”라는 말이 있는 순간"),
        ("text=sea", "“sea”(이)라는 말이 있는 순간"),
        ("valence=-1,0&arousal=0,1", "기분 좋음 -1~0의 활기 0~1의 순간"),
    ],
)
def test_it_says_it_in_korean(query, korean):
    assert said(query, "ko") == korean


def test_a_scene_is_called_as_the_page_calls_it_and_one_without_a_name_by_its_label():
    assert said("scene=night_insects&scene=rain") == "moments that sound like crickets or rain"
    assert said("scene=night_insects&scene=rain", "ko") == "소리 풍경이 풀벌레 또는 비인 순간"
    assert said("scene=tape_hiss") == "moments that sound like tape hiss"
    assert said("scene=tape_hiss", "ko") == "소리 풍경이 tape hiss인 순간"


@pytest.mark.parametrize("emotion", [*EMOTIONS, UNCLEAR])
def test_an_emotion_is_called_in_korean_by_the_stem_of_its_name_on_the_page(emotion):
    page = (resources.files("hub") / "web" / "i18n" / "ko.js").read_text("utf-8")
    name = re.search(rf'"emotion.{emotion}": "([^"]+)"', page)[1]
    stem = {
        "기쁨": "기쁜",
        "슬픔": "슬픈",
        "두려움": "두려운",
        "놀람": "놀란",
        "담담함": "담담한",
        "알 수 없음": "알 수 없는",
    }
    assert stem.get(name, name) in said(f"emotion={emotion}", "ko")
