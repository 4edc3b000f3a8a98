"""A filter as a sentence for its reader, in English or Korean."""

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final, Literal

from hub.query.filter import Bound, Filter

Language = Literal["en", "ko"]

_MONTHS: Final = calendar.month_name

_EMOTIONS: Final = {
    "en": {
        "neutral": "neutral",
        "calm": "calm",
        "happiness": "happy",
        "sadness": "sad",
        "anger": "angry",
        "fear": "fearful",
        "disgust": "disgusted",
        "surprise": "surprised",
        "unclear": "unclear",
    },
    "ko": {
        "neutral": "담담한",
        "calm": "평온한",
        "happiness": "기쁜",
        "sadness": "슬픈",
        "anger": "분노한",
        "fear": "두려운",
        "disgust": "혐오스러운",
        "surprise": "놀란",
        "unclear": "감정을 알 수 없는",
    },
}
_KINDS: Final = {
    "en": {
        "speech": "of speech",
        "scene": "of surroundings",
        "none": "without sound",
        "ambient": "heard in passing",
        "mark": "marked",
        "upload": "uploaded",
        "note": "written down",
    },
    "ko": {
        "speech": "목소리의",
        "scene": "주변 소리의",
        "none": "소리 없는",
        "ambient": "저절로 들린",
        "mark": "표시한",
        "upload": "올린",
        "note": "적어 둔",
    },
}
_HAS: Final = {
    "en": {"note": "with a note", "clip": "with a clip", "place": "with a place"},
    "ko": {"note": "메모가 있는", "clip": "소리가 있는", "place": "장소가 있는"},
}


@cache
def _scenes(language: Language) -> Mapping[str, str]:
    """Give the names of scenes as the page says them; its dictionary has one entry a line."""
    page = resources.files("hub") / "web" / "i18n" / f"{language}.js"
    return dict(re.findall(r'^  "scene\.(\w+)": "(.*)",$', page.read_text("utf-8"), re.MULTILINE))


def _scene(label: str, language: Language) -> str:
    return _scenes(language).get(label, label.replace("_", " "))


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _length(metres: float) -> str:
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month]} {day.year}"


def _time(at: datetime) -> str:
    return f"{_day(at.date())} {at:%H:%M} {at:%z}"


def _bound(bound: Bound) -> str:
    return _time(bound) if isinstance(bound, datetime) else _day(bound)


def _calendar(begin: date, end: date) -> tuple[str, date] | None:
    """Tell whether two dates hold exactly one day, month or year."""
    if end == begin + timedelta(days=1):
        return "day", begin
    if begin.day == 1 and end == (begin + timedelta(days=31)).replace(day=1):
        return "month", begin
    if (begin.month, begin.day) == (1, 1) and (end.year, end.month, end.day) == (begin.year + 1, 1, 1):
        return "year", begin
    return None


def _whole(filter_: Filter) -> tuple[str, date] | None:
    begin, end = filter_.begin, filter_.end
    if begin is None or end is None or isinstance(begin, datetime) or isinstance(end, datetime):
        return None
    if begin.year > 9990:  # a month later is past the last date there is
        return None
    return _calendar(begin, end)


def _when(filter_: Filter) -> str:
    whole = _whole(filter_)
    if whole:
        kind, day = whole
        return {"day": f"on {_day(day)}", "month": f"in {_MONTHS[day.month]} {day.year}", "year": f"in {day.year}"}[
            kind
        ]
    words = []
    if filter_.begin:
        words.append(f"since {_bound(filter_.begin)}")
    if filter_.end:
        words.append(f"before {_bound(filter_.end)}")
    return " and ".join(words)


def _spans(filter_: Filter, valence: str, arousal: str, shape: str) -> list[str]:
    named = ((valence, filter_.valence), (arousal, filter_.arousal))
    return [shape.format(name, f"{span[0]:g}", f"{span[1]:g}") for name, span in named if span]


def _where(filter_: Filter) -> list[str]:
    words = []
    if filter_.near:
        words.append(f"within {_length(filter_.radius_m)} of {filter_.near[0]:g}, {filter_.near[1]:g}")
    if filter_.bbox:
        west, south, east, north = filter_.bbox
        words.append(f"between {south:g}, {west:g} and {north:g}, {east:g}")
    return words


def _english(filter_: Filter) -> str:
    words = [_or([_EMOTIONS["en"][emotion] for emotion in filter_.emotion])] if filter_.emotion else []
    words.append("moments" if filter_.narrows else "all moments")
    words += [_or([_KINDS["en"][kind] for kind in group]) for group in (filter_.basis, filter_.origin) if group]
    words += [f"that sound like {_or([_scene(label, 'en') for label in filter_.scene])}"] if filter_.scene else []
    words += [f"that say “{filter_.text}”"] if filter_.text else []
    words += [_HAS["en"][part] for part in filter_.has]
    words += [f"by {_or(filter_.device)}"] if filter_.device else []
    words += [f"of {filter_.owner}"] if filter_.owner else []
    words += _where(filter_)
    if when := _when(filter_):
        words.append(f"{when} ({filter_.tz})" if filter_.tz else when)
    if filter_.min_confidence is not None:
        words.append(f"at least {100 * filter_.min_confidence:g} % sure")
    return " ".join(words + _spans(filter_, "valence", "arousal", "with {} {} to {}"))


def _korean_bound(bound: Bound) -> str:
    day = f"{bound.year}년 {bound.month}월 {bound.day}일"
    return f"{day} {bound:%H:%M}" if isinstance(bound, datetime) else day


def _korean_when(filter_: Filter) -> list[str]:
    whole = _whole(filter_)
    if whole:
        kind, day = whole
        said = {"day": _korean_bound(day), "month": f"{day.year}년 {day.month}월", "year": f"{day.year}년"}
        return [said[kind]]
    words = []
    if filter_.begin:
        words.append(f"{_korean_bound(filter_.begin)}부터")
    if filter_.end:
        words.append(f"{_korean_bound(filter_.end)} 전까지")
    return words


def _korean_where(filter_: Filter) -> list[str]:
    words = []
    if filter_.near:
        words.append(f"{filter_.near[0]:g}, {filter_.near[1]:g}에서 {_length(filter_.radius_m)} 안의")
    if filter_.bbox:
        west, south, east, north = filter_.bbox
        words.append(f"위도 {south:g}~{north:g}, 경도 {west:g}~{east:g} 안의")
    return words


def _quoting(text: str) -> str:
    """Give the particle between words and what is called so: 이라는 after a final consonant, 라는 after a vowel."""
    last = ord(text[-1]) - ord("가")
    if not 0 <= last <= ord("힣") - ord("가"):
        return "(이)라는"
    return "이라는" if last % 28 else "라는"


def _korean(filter_: Filter) -> str:
    def either(names: Sequence[str]) -> str:
        return " 또는 ".join(names)

    words = _korean_when(filter_)
    words += [f"({filter_.tz})"] if filter_.tz and words else []
    words += _korean_where(filter_)
    words += [f"{filter_.owner}의"] if filter_.owner else []
    words += [f"{either(filter_.device)} 기기의"] if filter_.device else []
    words += [f"소리 풍경이 {either([_scene(label, 'ko') for label in filter_.scene])}인"] if filter_.scene else []
    words += [f"“{filter_.text}”{_quoting(filter_.text)} 말이 있는"] if filter_.text else []
    words += [_HAS["ko"][part] for part in filter_.has]
    if filter_.min_confidence is not None:
        words.append(f"확신 {100 * filter_.min_confidence:g} % 이상의")
    words += _spans(filter_, "기분 좋음", "활기", "{} {}~{}의")
    words += [either([_KINDS["ko"][kind] for kind in group]) for group in (filter_.basis, filter_.origin) if group]
    words += [either([_EMOTIONS["ko"][emotion] for emotion in filter_.emotion])] if filter_.emotion else []
    words.append("순간" if filter_.narrows else "모든 순간")
    return " ".join(words)


def describes(filter_: Filter, language: Language = "en") -> str:
    """Say in one phrase which moments the filter means."""
    return _korean(filter_) if language == "ko" else _english(filter_)
