"""The page on scale takes its unit costs from the figures of the last full run."""

import json
import re
from pathlib import Path

from bench.table import RESULTS

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
_ROW = re.compile(r"^\| .* \| ([0-9.,]+) \| (.+) \| `(.+)` \|$", re.MULTILINE)


def test_every_unit_cost_on_the_page_is_the_one_that_was_measured():
    figures = json.loads((RESULTS / "fleet.json").read_text())
    rows = _ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(rows) > 10
    for shown, unit, name in rows:
        digits = len(shown.partition(".")[2])
        assert unit == figures[name]["unit"], name
        assert abs(float(shown.replace(",", "")) - figures[name]["value"]) <= 0.5000001 * 10**-digits, name


def test_what_the_page_reckons_follows_from_them():
    figures = {name: each["value"] for name, each in json.loads((RESULTS / "fleet.json").read_text()).items()}
    moments, health = 24 * figures["life: moments of a device an hour"], 24 * 60
    (row,) = re.findall(r"^\| moments a second \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    (counts,) = re.findall(r"^\| devices \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    for count, rate in zip(counts.split("|"), row.split("|"), strict=True):
        expected = int(count.replace(" ", "")) * moments / 86_400
        assert float(rate.replace(",", "")) == round(expected)
    (row,) = re.findall(r"^\| cores of hubs \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    spent = moments * figures["wave: CPU of the hub for a moment"]
    spent += health * figures["ingest, 1 worker: CPU of the hub for a health message"]
    for count, cores in zip(counts.split("|"), row.split("|"), strict=True):
        expected = int(count.replace(" ", "")) * spent / 86_400 / 1e6
        digits = len(cores.strip().partition(".")[2])
        assert abs(float(cores.replace(",", "")) - expected) <= 0.5000001 * 10**-digits
