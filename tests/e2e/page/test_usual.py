"""What is said of a week or a month beside those before it, and how sure a mean is."""

import json
import random
import statistics
from datetime import datetime, timedelta

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.needs("chromium", "mosquitto")]


def spread(page, values):
    return page.evaluate("async (values) => (await import('/insights/spread.js')).spread(values)", values)


def compared(page, value, before):
    return page.evaluate(
        """async ([value, before]) => {
          const {band, compared} = await import("/insights/spread.js");
          return compared(value, band(before));
        }""",
        [value, before],
    )


def past(span, n):
    """The first days of the `n` weeks or months before this one, the oldest first."""
    found, begin = [], datetime.now().astimezone().date()
    for _ in range(n + 1):
        begin = begin.replace(day=1) if span == "month" else begin - timedelta(days=begin.weekday())
        found.append(begin)
        begin -= timedelta(days=1)
    return found[:0:-1]


def sentences(page, pasts, span="week"):
    """What is said of weeks or months, each the last in a list of those of days' values, the oldest first."""
    pasts = [
        [
            {"day": str(begin + timedelta(days=d)), "valence": value, "emotions": {}}
            for begin, values in zip(past(span, len(each)), each, strict=True)
            for d, value in enumerate(values)
        ]
        for each in pasts
    ]
    return page.evaluate(
        """async ([pasts, span]) => {
          await import("/insights/view.js");
          const {periods, spokenOf, usualBand} = await import("/insights/periods.js");
          const {sentence} = await import("/insights/compare.js");
          return JSON.parse(pasts).map((days) => {
            const spoken = spokenOf(periods(days, span), days, span);
            return sentence(spoken, usualBand(spoken, span, "valence"), span, "valence");
          });
        }""",
        [json.dumps(pasts), span],
    )


@pytest.mark.parametrize(
    ("values", "student"),  # the 97.5 % point of Student's t for that many days less one
    [([0.1, 0.2, 0.4], 4.3027), ([-0.5, 0.5, 0.1, 0.0, 0.3], 2.7764), ([0.01 * n for n in range(40)], 2.0227)],
)
def test_a_mean_is_told_with_the_95_percent_that_student_gives(hub, look, values, student):
    found = spread(look(hub, "#/settings"), values)
    half = student * statistics.stdev(values) / len(values) ** 0.5
    assert found["mean"] == pytest.approx(statistics.mean(values))
    assert found["low"] == pytest.approx(max(-1, found["mean"] - half), abs=0.003)
    assert found["high"] == pytest.approx(min(1, found["mean"] + half), abs=0.003)


def test_two_days_are_too_few_to_be_sure_of_and_chance_is_no_difference(hub, look):
    page = look(hub, "#/settings")
    assert spread(page, [0.1, 0.9])["low"] is None
    assert compared(page, 0.9, [0.1, 0.2]) is None
    assert compared(page, 0.2, [0.0, 0.2, 0.3]) == 0
    assert compared(page, 0.55, [0.0, 0.02, -0.02, 0.01]) == 1
    assert compared(page, -0.55, [0.0, 0.02, -0.02, 0.01]) == -1
    assert compared(page, 0.1 + 0.2, [0.3, 0.3, 0.3]) == 0


def test_days_of_one_week_are_no_usual(hub, look):
    page = look(hub, "#/settings")
    (said,) = sentences(page, [[[0.0, 0.02, -0.02, 0.01, 0.0], [0.5, 0.6, 0.55]]])
    assert "too early to compare with your usual weeks" in said


def test_a_week_outside_of_the_band_is_said_to_differ(hub, look):
    page = look(hub, "#/settings")
    before = [[mean, mean + 0.1, mean - 0.1] for mean in (0.0, 0.05, -0.05, 0.02)]
    more, less, same = sentences(page, [[*before, [mean] * 4] for mean in (0.4, -0.4, 0.1)])
    assert "more pleasant than your usual weeks" in more
    assert "less pleasant than your usual weeks" in less
    assert "much like your usual weeks" in same


@pytest.mark.parametrize(
    ("span", "whole", "before", "days", "between"),
    [("week", 7, 12, 7, 0.1), ("week", 7, 12, 3, 0.0), ("month", 28, 6, 28, 0.1), ("month", 28, 6, 3, 0.0)],
)
def test_an_unchanged_period_is_seldom_said_to_differ_however_young(hub, look, span, whole, before, days, between):
    drawn = random.Random(3)
    pasts = []
    for _ in range(1000):
        means = [drawn.gauss(0, between) for _ in range(before + 1)]
        lengths = [whole] * before + [days]
        pasts.append([[mean + drawn.gauss(0, 0.05) for _ in range(n)] for mean, n in zip(means, lengths, strict=True)])
    said = sentences(look(hub, "#/settings"), pasts, span)
    assert sum("much like" not in one for one in said) / len(said) == pytest.approx(0.05, abs=0.02)
