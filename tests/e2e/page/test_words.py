"""The words of the page: in the reader's language, in both languages alike, and none of English for a Korean reader."""

import re
from importlib import resources

import pytest
from playwright.sync_api import expect

from edge.capture import liveness
from tests.e2e.page.conftest import LAST_DAY
from tests.e2e.page.running import start_hub
from tests.e2e.page.views import addresses, web, wide
from tests.e2e.page.walking import calm, go
from tests.e2e.page.year import year

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A hub that no other test writes to in English."""
    running = start_hub(tmp_path_factory.mktemp("plain"), list(year(LAST_DAY.replace(hour=23), 120, 2)))
    yield running
    running.stop()


ENGLISH = r"[A-Za-z]{3,}"
KNOWN = r"Moodscape|English|dBFS|CSV|NDJSON|GeoJSON|Parquet|YAML|https|UTC|[a-z]+-\d|\w+@\w+"
"""Names, and what a Korean writes in Latin letters too."""


def said(page) -> str:
    """All that is told: what stands on the page, and what names its parts for a screen reader or a pointer."""
    return page.evaluate(
        """() => {
          const names = ["aria-label", "title", "placeholder", "alt"];
          const shown = [...document.querySelectorAll("header, main, dialog[open]")].map((one) => one.innerText);
          const all = [...document.querySelectorAll("*")];
          const told = all.flatMap((one) => names.map((name) => one.getAttribute(name)));
          return [document.title, ...shown, ...told].filter(Boolean).join("\\n");
        }"""
    )


def english(page) -> list[str]:
    """The English that is told."""
    return re.findall(f"{ENGLISH}.*", re.sub(KNOWN, "", said(page)))


def test_a_korean_reader_is_spoken_to_in_korean_and_nothing_is_cut_off(plain, look):
    page = look(plain, "#/recall?emotion=sadness", width=360, locale="ko-KR")
    assert page.evaluate("document.documentElement.lang") == "ko"
    expect(page.locator(".rows .feeling").first).to_have_text("슬픔")
    for address in [*addresses(plain), "#/recall?scene=baby_crying"]:
        go(page, address)
        assert english(page) == [], address
        assert not wide(page), address
    for pane in ("plane", "map"):
        page.click(f"[data-pane={pane}]")
        calm(page)
        expect(page.locator(".pin, canvas").first).to_be_visible()
        assert english(page) == [], pane


def test_a_scene_is_called_the_same_in_the_filter_and_in_the_sentence(hub, look):
    page = look(hub, "#/recall?scene=baby_crying", locale="ko-KR")
    expect(page.locator("h1")).to_have_text("소리 풍경이 아기 울음인 순간")
    expect(page.get_by_role("button", name="아기 울음 빼기")).to_be_visible()


def test_a_wrong_value_in_the_address_is_told_to_a_korean_reader_as_english(hub, look):
    page = look(hub, "#/recall?from=2026-13-01", locale="ko-KR", errors=["422"])
    why = page.locator("#found + p")
    expect(why).to_have_text(re.compile("^영어 설명: from: 2026-13-01"))
    expect(why.locator("[lang=en]")).to_have_text(re.compile("^from: 2026-13-01"))


def test_the_times_of_rest_are_named_in_korean_by_words_that_stand_alone(hub, look):
    page = look(hub, "#/settings?part=schedule", locale="ko-KR")
    page.get_by_role("button", name="시간 더하기").click()
    expect(page.get_by_label("시작", exact=True).last).to_have_value("22:00")
    expect(page.get_by_label("끝", exact=True).last).to_have_value("07:00")


def test_language_and_theme_are_chosen_and_remembered(hub, look):
    page = look(hub, "#/settings")
    page.get_by_role("radio", name="한국어").check()
    expect(page.locator("h1")).to_have_text("설정")
    page.get_by_role("radio", name="어둡게").check()
    page.reload()
    expect(page.locator("h1")).to_have_text("설정")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_both_dictionaries_say_the_same_things():
    entry = re.compile(r'^  "([\w.]+)": (.+),$', re.MULTILINE)
    english, korean = (
        dict(pair for path in sorted((web() / "i18n").glob(f"*{code}.js")) for pair in entry.findall(path.read_text()))
        for code in ("en", "ko")
    )
    assert len(english) > 300
    assert {key for key in english if not key.startswith("scene.")} == {
        key for key in korean if not key.startswith("scene.")
    }
    for key in english.keys() & korean.keys():
        names = {code: set(re.findall(r"\{(\w+)\}", words[key])) for code, words in (("en", english), ("ko", korean))}
        assert names["en"] == names["ko"], key


def test_every_scene_that_the_rules_know_has_a_korean_name():
    rules = resources.files("configs").joinpath("scenes.yaml").read_text()
    labels = set(re.findall(r"scene: (\w+)", rules))
    assert labels
    korean = (web() / "i18n" / "ko.js").read_text()
    assert {label for label in labels if f'"scene.{label}"' not in korean} == set()


def test_every_reason_of_the_shipped_rules_has_korean_words():
    rules = resources.files("configs").joinpath("scenes.yaml").read_text()
    reasons = set(re.findall(r'because: "([^"]+)"', rules))
    assert reasons
    block = re.search(r"const RULES = \{(.*?)\n\};", (web() / "reasons.js").read_text(), re.DOTALL)[1]
    assert reasons == set(re.findall(r'^  "([^"]+)": "[^"]*[가-힣][^"]*",$', block, re.MULTILINE))


def test_every_fixed_word_of_the_devices_and_the_hub_about_sound_has_korean_words():
    faults = {one.reason for one in vars(liveness).values() if isinstance(one, liveness.Fault)}
    source = (resources.files("hub") / "records" / "decode.py").read_text("utf-8")
    failures = set(re.findall(r'Undecodable\("([^"]+)"\)', source))
    assert len(faults) > 4
    assert len(failures) > 4
    block = re.search(r"const TOLD = \{(.*?)\n\};", (web() / "reasons.js").read_text(), re.DOTALL)[1]
    assert faults | failures <= set(re.findall(r'^  "([^"]+)": "[^"]*[가-힣][^"]*",$', block, re.MULTILINE))
