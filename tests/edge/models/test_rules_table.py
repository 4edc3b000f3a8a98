"""What a table of rules may say, and what it may not."""

import pytest

from edge.models.rules import WrongRules
from edge.models.rules_table import Lasting, Range
from tests.edge.models.test_rules import parsed


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        (Range(least=0), [0, 150], [-0.1, None]),
        (Range(least=-6, below=6), [-6, 5.9], [-6.1, 6, None]),
        (Lasting(least=60), [60, 1e6], [59.9, None]),
        (Lasting(below=60), [0, 59.9], [60, None]),
    ],
)
def test_a_range_holds_from_its_least_to_just_below_its_other_end_and_never_for_what_is_unknown(span, inside, outside):
    assert [span.holds(value) for value in inside] == [True, True]
    assert not any(span.holds(value) for value in outside)


def _rule(raw, **change):
    raw["rules"][3].update(change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda raw: _rule(raw, valence=1.5), "rules.3.valence"),
        (lambda raw: _rule(raw, valance=0.5), "rules.3.valance"),
        (lambda raw: _rule(raw, emotions={"calm": 0.5}), "sum to 1"),
        (lambda raw: _rule(raw, when={}), "give a condition, or leave `when` out"),
        (lambda raw: _rule(raw, when={"hour": [6, 6]}), "never comes"),
        (lambda raw: _rule(raw, when={"seconds": {"least": 300, "below": 60}}), "least must be less than below"),
        (lambda raw: _rule(raw, when={"seconds": {}}), "give least, below or both"),
        (lambda raw: _rule(raw, when={"seconds": {"least": 0}}), "give least, below or both"),
        (lambda raw: _rule(raw, emotions={"joy": 1.0}), "no emotion is called 'joy'"),
        (lambda raw: _rule(raw, scene="rian"), "no scene is called 'rian'"),
        (lambda raw: _rule(raw, id="rain-night"), "two rules have the id 'rain-night'"),
        (lambda raw: _rule(raw, when={"hour": [22, 30]}), "rules.3.when.hour.1"),
        (lambda raw: _rule(raw, when={"level_db": {}}), "give least, below or both"),
        (lambda raw: _rule(raw, when={"hour": [22, 6]}), "the last rule for 'rain'"),
        (lambda raw: _rule(raw, judged_from=["nobody"]), "'nobody'"),
        (lambda raw: _rule(raw, judged_from=["iads"] * 33), "at most 32"),
        (lambda raw: _rule(raw, judged_from=["x" * 65]), "at most 64"),
        (lambda raw: raw["sources"].update(iads="x" * 1001), "sources.iads"),
        (lambda raw: raw["sources"].update({f"s{n}": "" for n in range(200)}), "at most 200"),
        (lambda raw: raw["rules"].extend(raw["rules"][3] | {"id": f"r{n}"} for n in range(1000)), "at most 1000"),
        (lambda raw: raw["rules"].pop(3), "the last rule for 'rain'"),
        (lambda raw: raw["rules"][0].pop("when"), "never speak"),
        (lambda raw: raw.pop("version"), "version"),
    ],
)
def test_a_wrong_file_is_told_by_what_is_wrong(change, says):
    with pytest.raises(WrongRules, match=r"^rules.yaml line \d+: ") as caught:
        parsed(change)
    assert says in str(caught.value)
