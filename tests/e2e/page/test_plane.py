"""The plane of feelings: its words on a phone, and its signs."""

from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.e2e.page.walking import calm, go
from tests.hub.moments import make
from tests.parts import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]

WRITTEN = """() => {
  window.written = {};
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const half = this.measureText(text).width / 2; // all words are centred
    window.written[text] = {left: x - half, right: x + half, top: y - 10, bottom: y + 2};
    return write.call(this, text, x, y);
  };
}"""


def meet(one, other):
    return (
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


@pytest.mark.parametrize("locale", ["en-GB", "ko-KR"])
@pytest.mark.parametrize("width", [320, 360, 390])
def test_on_a_phone_nothing_lies_over_the_words_of_the_plane(hub, look, width, locale):
    page = look(hub, "#/settings", width=width, locale=locale)
    page.evaluate(WRITTEN)
    go(page, "#/recall")
    page.click("[data-pane=plane]")
    calm(page)
    wait_until(lambda: page.evaluate("Object.keys(written).length") == 8)
    box = (
        "one => { const {left, right, top, bottom} = one.getBoundingClientRect(); return {left, right, top, bottom}; }"
    )
    field = page.locator(".field canvas").evaluate(box)
    corners = [page.locator(".corner").nth(n).evaluate(box) for n in range(4)]
    assert [corner for corner in corners if meet(corner, field)] == []
    words = page.evaluate("written")
    wide, high = field["right"] - field["left"], field["bottom"] - field["top"]
    for word, at in words.items():
        assert 0 <= at["left"] < at["right"] <= wide, word
        assert 0 <= at["top"] < at["bottom"] <= high, word
        assert [other for other in words if other != word and meet(at, words[other])] == [], word


SHAPE = """([across, up]) => {
  const canvas = document.querySelector(".field canvas");
  const pen = canvas.getContext("2d");
  const [x, y] = [26 + (across + 1) / 2 * (canvas.width - 52), 26 + (1 - up) / 2 * (canvas.height - 52)];
  const data = pen.getImageData(Math.round(x) - 8, Math.round(y) - 8, 16, 16).data;
  return Array.from({length: 256}, (_, i) => (data[4 * i + 3] > 120 ? "#" : ".")).join("").match(/.{16}/g);
}"""


def test_a_moment_in_the_plane_is_told_by_its_sign_and_not_by_its_colour_alone(hub, look):
    day = datetime.fromisoformat("2019-04-05T10:00:00+09:00")
    at = {"sadness": (-0.5, -0.8), "anger": (-0.2, -0.8), "calm": (0.1, -0.8)}
    made = [make(start=day, device="signs", emotion=e, valence=v, arousal=a) for e, (v, a) in at.items()]
    hub.publish(*made)
    wait_until(lambda: all(hub.get(f"/api/moments/{one.id}") for one in made))
    page = look(hub, "#/recall?device=signs")
    page.click("[data-pane=plane]")
    expect(page.locator(".plane")).to_contain_text("newest 3")
    calm(page)
    page.wait_for_timeout(100)
    shapes = [page.evaluate(SHAPE, place) for place in at.values()]
    assert all("#" in "".join(shape) for shape in shapes)
    assert shapes[0] != shapes[1] != shapes[2] != shapes[0]
