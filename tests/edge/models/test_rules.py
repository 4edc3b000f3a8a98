"""Rules: any reading gives a valid answer, conditions hold where they say, a wrong file is told by its line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge.models.rules import LIKELY, Rules, Situation, WrongRules
from edge.models.scene_table import UNCLEAR, table
from edge.models.scenes import SceneReading
from moments import COORDINATES, EMOTIONS

SHIPPED = Path(__file__).parents[3] / "configs" / "scenes.yaml"
RULES = Rules.load(SHIPPED)
LABELS = [row.label for row in table()]


def reading(shares: dict[str, float]) -> SceneReading:
    group = {row.label: row.group for row in table()}
    whole = {label: shares.get(label, 0.0) for label in [*LABELS, UNCLEAR]}
    label = max(shares, key=shares.__getitem__)
    return SceneReading(whole, label, group.get(label, UNCLEAR), shares[label])


def parsed(change) -> Rules:
    raw = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    change(raw)
    return Rules.parse(yaml.safe_dump(raw, sort_keys=False), "rules.yaml")


weights = st.lists(st.floats(0, 1), min_size=len(LABELS) + 1, max_size=len(LABELS) + 1).filter(lambda w: sum(w) > 1e-3)
maybe_db = st.none() | st.floats(-120, 20)


@given(weights, maybe_db, st.none() | st.floats(0, 24, exclude_max=True), maybe_db, st.none() | st.floats(0, 150))
def test_any_reading_gives_a_distribution_and_an_affect_in_range(shares, level, hour, median, spl):
    total = sum(shares)
    given_shares = {label: share / total for label, share in zip([*LABELS, UNCLEAR], shares, strict=True)}
    ruling = RULES.apply(reading(given_shares), level, hour, median_dbfs=median, spl_at_0dbfs=spl, seconds=5.0)
    assert set(ruling.emotions) == set(EMOTIONS)
    assert sum(ruling.emotions.values()) == pytest.approx(1, abs=1e-9)
    assert all(0 <= share <= 1 for share in ruling.emotions.values())
    assert -1 <= ruling.valence <= 1
    assert -1 <= ruling.arousal <= 1
    assert ruling.confidence == max(ruling.emotions.values())
    assert ruling.emotion in (*EMOTIONS, UNCLEAR)


@given(st.sampled_from(LABELS), st.floats(-60, 60), st.floats(0, 24, exclude_max=True))
def test_every_scene_has_a_rule_in_every_situation(scene, level, hour):
    rule = RULES.rule_for(scene, Situation(level_db=level, hour=hour))
    assert rule.scene == scene
    assert rule.when is None or rule.when.holds(Situation(level_db=level, hour=hour))


@given(st.sampled_from(LABELS), st.floats(-60, 60), st.floats(-60, 60))
def test_the_louder_a_place_the_less_pleasant_and_the_more_rousing_by_one_and_the_same_rule(scene, one, other):
    soft, loud = (Situation(level_db=level) for level in sorted((one, other)))
    rule = RULES.rule_for(scene, soft)
    assume(RULES.rule_for(scene, loud) == rule)
    assert RULES.affect(rule, loud)[0] <= RULES.affect(rule, soft)[0]
    assert RULES.affect(rule, loud)[1] >= RULES.affect(rule, soft)[1]


def test_loudness_moves_a_rule_by_so_much_a_decibel_up_to_a_limit():
    rule = RULES.rule_for("street", Situation())
    assert RULES.affect(rule, Situation()) == (rule.valence, rule.arousal)
    assert RULES.affect(rule, Situation(level_db=5)) == pytest.approx((rule.valence - 0.1, rule.arousal + 0.1))
    assert RULES.affect(rule, Situation(level_db=-50)) == pytest.approx((rule.valence + 0.4, rule.arousal - 0.4))


@pytest.mark.parametrize(
    ("name", "loud"),
    [("street-loud", Situation(level_db=15)), ("street-loud-spl", Situation(level_db=5, spl_db=75))],
)
def test_a_rule_that_asks_for_the_loudness_has_it_in_its_numbers(name, loud):
    rule = RULES.rule_for("street", loud)
    assert rule.id == name
    assert RULES.affect(rule, loud) == (rule.valence, rule.arousal)


def test_a_table_without_loudness_says_the_same_at_every_level():
    rules = parsed(lambda raw: raw.pop("loudness"))
    rule = rules.rule_for("birdsong", Situation())
    assert rules.affect(rule, Situation(level_db=12)) == (rule.valence, rule.arousal)


def test_light_rain_at_night_is_calm_and_says_so():
    ruling = RULES.apply(reading({"rain": 0.9}), -50.0, 23.0, median_dbfs=-40.0)
    assert ruling.emotion == "calm"
    assert ruling.rule is not None
    assert ruling.rule.because == "light rain at night"
    assert ruling.valence > 0 > ruling.arousal


def test_a_murmuring_crowd_is_company_and_a_roaring_one_a_strain():
    murmur = RULES.apply(reading({"crowd": 0.9}), -40.0, 12.0, median_dbfs=-40.0)
    roar = RULES.apply(reading({"crowd": 0.9}), -20.0, 12.0, median_dbfs=-40.0)
    assert murmur.valence > 0 > roar.valence
    assert roar.arousal > murmur.arousal


def test_loudness_in_spl_counts_only_once_the_microphone_is_calibrated():
    uncalibrated = RULES.apply(reading({"street": 0.9}), -20.0, 12.0)
    calibrated = RULES.apply(reading({"street": 0.9}), -20.0, 12.0, spl_at_0dbfs=100.0)
    assert uncalibrated.rule is not None
    assert calibrated.rule is not None
    assert (uncalibrated.rule.id, calibrated.rule.id) == ("street", "street-loud-spl")


def test_a_condition_on_something_unknown_does_not_hold():
    ruling = RULES.apply(reading({"rain": 0.9}))
    assert ruling.rule is not None
    assert ruling.rule.id == "rain"


@pytest.mark.parametrize(("hour", "night"), [(22.0, True), (2.0, True), (5.99, True), (6.0, False), (12.0, False)])
def test_a_night_goes_over_midnight(hour, night):
    assert (RULES.rule_for("street", Situation(hour=hour)).id == "street-night") is night


def test_crying_that_goes_on_is_another_rule():
    assert RULES.rule_for("baby_crying", Situation(seconds=60)).id == "baby-crying"
    assert RULES.rule_for("baby_crying", Situation(seconds=180)).id == "baby-crying-long"


def test_likely_scenes_are_mixed_by_their_shares():
    rain, street = (RULES.rule_for(scene, Situation()) for scene in ("rain", "street"))
    ruling = RULES.apply(reading({"rain": 0.6, "street": 0.2, "music": LIKELY / 2}))
    assert ruling.valence == pytest.approx(0.75 * rain.valence + 0.25 * street.valence)
    assert ruling.emotions["calm"] == pytest.approx(0.75 * rain.emotions["calm"] + 0.25 * street.emotions["calm"])
    assert ruling.rule is not None
    assert ruling.rule.id == "rain"


def test_an_unclear_reading_stays_unclear_without_a_rule():
    ruling = RULES.apply(reading({UNCLEAR: 0.8, "rain": 0.2}))
    assert (ruling.emotion, ruling.rule, ruling.valence, ruling.arousal) == (UNCLEAR, None, 0.0, 0.0)
    assert set(ruling.emotions.values()) == {1 / 8}
    assert ruling.confidence == 1 / 8, "nobody is sure of anything"


def test_what_a_rule_says_agrees_with_its_emotions():
    # valence and arousal are judged on their own, but never against the emotions that stand beside them
    for rule in RULES:
        valence = sum(share * COORDINATES[label][0] for label, share in rule.emotions.items())
        assert abs(valence - rule.valence) < 0.4, rule.id
        arousal = sum(share * COORDINATES[label][1] for label, share in rule.emotions.items())
        assert abs(arousal - rule.arousal) < 0.45, rule.id


def test_a_wrong_value_is_told_by_its_line():
    text = SHIPPED.read_text(encoding="utf-8")
    lines = text.splitlines()
    line = next(number for number, content in enumerate(lines, 1) if "id: sea," in content) + 1
    lines[line - 1] = lines[line - 1].replace("valence: 0.6", "valence: 6")
    with pytest.raises(WrongRules, match=rf"^mine.yaml line {line}: rules\.\d+\.valence: "):
        Rules.parse("\n".join(lines), "mine.yaml")


def test_what_stands_twice_is_told_by_its_line():
    text = SHIPPED.read_text(encoding="utf-8")
    line = len(text.splitlines()) + 1
    with pytest.raises(WrongRules, match=rf"^mine.yaml line {line}: version stands twice; put both into one$"):
        Rules.parse(f"{text}version: 3\n", "mine.yaml")


@pytest.mark.parametrize("text", ["rules: [", "", "just words", "- a\n- b\n", "\x00"])
def test_what_is_no_table_at_all_is_told_in_one_sentence(text):
    with pytest.raises(WrongRules, match=r"^rules"):
        Rules.parse(text)


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_no_text_whatever_ends_in_anything_but_wrong_rules(text):
    with pytest.raises(WrongRules):
        Rules.parse(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WrongRules, match=r"absent\.yaml"):
        Rules.load(tmp_path / "absent.yaml")


def test_an_owners_change_and_its_version_speak_after_a_new_load(tmp_path):
    file = tmp_path / "scenes.yaml"
    changed = SHIPPED.read_text(encoding="utf-8").replace(f'version: "{RULES.version}"', "version: 77")
    file.write_text(changed.replace('because: "rain",', 'because: "my rain",'), encoding="utf-8")
    rules = Rules.load(file)
    assert rules.version == "77"
    assert rules.rule_for("rain", Situation(hour=12)).because == "my rain"
