"""What was kept, below the recorder: how far it is read, what came of it, and who is told."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

READING = {
    "id": "01a221d1-f8bf-76e7-90c7-6c905fe06fe4", "owner": None, "device": "upload", "origin": "upload",
    "state": "reading", "progress": 0.42, "error": None, "start": "2026-05-22T21:15:00+09:00", "seconds": None,
    "note": "공원에서", "place": None, "clip": None, "moments": [], "made": "2026-05-22T21:16:00+09:00",
}  # fmt: skip


def test_a_record_that_is_still_being_read_shows_how_far(hub, look):
    page = look(hub, "#/settings")
    page.route("**/api/records/*", lambda route: route.fulfill(json=READING))
    page.route("**/api/records?*", lambda route: route.fulfill(json={"items": [READING], "next": None}))
    page.evaluate("location.hash = '#/record'")
    kept = page.locator(".record")
    expect(kept).to_contain_text("42% read")
    assert kept.locator("progress").evaluate("bar => bar.value") == pytest.approx(0.42)
    expect(kept.get_by_role("button")).to_have_count(0)
    page.unroute("**/api/records/*")
    page.route(
        "**/api/records/*",
        lambda route: route.fulfill(json=READING | {"state": "failed", "error": "It holds no sound."}),
    )
    expect(kept).to_contain_text("It holds no sound.")


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ({"state": "failed", "error": "The file holds no sound."}, "The file holds no sound."),
        ({"state": "done", "moments": []}, "Nothing was heard in it."),
        ({"state": "done", "moments": ["a", "b"]}, "It is read: 2 moments."),
    ],
)
def test_a_screen_reader_is_told_what_came_of_a_record(hub, look, ended, said):
    page = look(hub, "#/settings")
    page.route("**/api/records/*", lambda route: route.fulfill(json=READING | ended))
    page.route("**/api/records?*", lambda route: route.fulfill(json={"items": [READING], "next": None}))
    page.evaluate("location.hash = '#/record'")
    expect(page.locator("#announce")).to_have_text(said)


def test_a_screen_reader_is_told_at_once_of_all_records_that_were_read_and_how_many_are_left(hub, look):
    page = look(hub, "#/settings")
    records = [READING | {"id": f"{READING['id'][:-1]}{n}"} for n in range(4)]
    ended = {
        records[0]["id"]: {"state": "done", "moments": ["a", "b"]},
        records[1]["id"]: {"state": "failed", "error": "The file holds no sound."},
    }
    read = []

    def answer(route):
        known = next(one for one in records if route.request.url.endswith(one["id"]))
        route.fulfill(json=known | (ended.get(known["id"], {}) if read else {}))

    page.route("**/api/records/*", answer)
    page.route("**/api/records?*", lambda route: route.fulfill(json={"items": records, "next": None}))
    page.evaluate("location.hash = '#/record'")
    expect(page.locator("#announce")).to_have_text("4 recordings are still to be read.")
    page.evaluate("""() => {
      window.heard = [];
      new MutationObserver(() => heard.push(announce.textContent)).observe(announce, {childList: true});
    }""")
    read.append(True)
    words = "It is read: 2 moments. The file holds no sound. 2 recordings are still to be read."
    expect(page.locator("#announce")).to_have_text(words)
    assert page.evaluate("heard.at(-1)") == words
    assert page.evaluate("heard.filter((one) => one.includes('moments')).length") == 1


@pytest.mark.parametrize(
    ("error", "korean"),
    [("The file holds no sound.", "파일에 소리가 없습니다."), ("It is a tale.", "영어 설명: It is a tale.")],
)
def test_a_korean_reader_is_told_in_korean_why_a_record_was_not_read_or_hears_it_as_english(hub, look, error, korean):
    page = look(hub, "#/settings", locale="ko-KR")
    failed = READING | {"state": "failed", "error": error}
    page.route("**/api/records?*", lambda route: route.fulfill(json={"items": [failed], "next": None}))
    page.evaluate("location.hash = '#/record'")
    expect(page.locator(".record .trouble")).to_have_text(korean)
    expect(page.locator(".record [lang=en]")).to_have_text([error] if error in korean else [])


def test_a_record_that_could_not_be_read_bears_the_time_of_its_reader(hub, look):
    page = look(hub, "#/settings", timezone_id="Asia/Seoul")
    failed = READING | {"state": "failed", "start": None, "made": "2026-05-22T20:16:00.000+00:00"}
    page.route("**/api/records?*", lambda route: route.fulfill(json={"items": [failed], "next": None}))
    page.evaluate("location.hash = '#/record'")
    expect(page.locator(".record time")).to_have_text("Saturday, 23 May 2026, 05:16")


def test_a_hub_without_records_says_so(hub, look):
    page = look(hub, "#/settings", errors=["404"])
    page.route("**/api/records?*", lambda route: route.fulfill(status=404, body=json.dumps({"detail": "Not Found"})))
    page.evaluate("location.hash = '#/record'")
    expect(page.locator("main")).to_contain_text("This hub does not offer this.")


def test_an_empty_hub_says_what_will_be_here(empty_hub, look):
    page = look(empty_hub, "#/record")
    expect(page.locator("main")).to_contain_text("Nothing yet.")
