"""An owner's table of rules: judged, published, tried on the last week."""

import pytest

from hub.settings import rules
from moments import Scene, uuid7
from tests.hub.moments import make


def item(moment):
    return moment.model_dump(mode="json", by_alias=True)


def scene(label="rain", group="nature", **changes):
    return item(make(basis="scene", emotion="calm", scene=Scene(label=label, group=group, confidence=0.9), **changes))


def test_the_table_that_ships_goes_over_as_a_document():
    shipped = rules.document(rules.parse(rules.default()))
    assert rules.document(rules.parse(rules.parse(rules.default()).to_json())) == shipped


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "version: 1",
        "a: &a [*a]",
        "[" * 5000,
        "version: !!timestamp x",
        "2026-99-99",
        "!!python/object:os.system x",
        "version: .nan",
        "? [1]\n: 2",
    ],
)
def test_a_wrong_table_is_refused_with_a_sentence(text):
    with pytest.raises(rules.WrongTable, match=r"^rules"):
        rules.parse(text)


def test_a_table_that_aliases_make_much_of_is_refused():
    rule = "&r {id: z, scene: rain, because: x, emotions: {calm: 1}, valence: 0, arousal: 0, when: {hour: [1, 2]}"
    text = f"{rules.default()}  - {rule}, judged_from: [{','.join(['iads'] * 9000)}]}}\n"
    text += "".join(f"  - {{id: r{n}, <<: *r}}\n" for n in range(3000))
    with pytest.raises(rules.WrongTable, match="more than 50000 values"):
        rules.parse(text)


def test_two_tables_are_compared_scene_by_scene():
    before = rules.parse(rules.default())
    old = "emotions: {calm: 0.55, neutral: 0.25, sadness: 0.2}, valence: 0.3"
    assert old in rules.default()
    after = rules.parse(
        rules.default().replace(old, "emotions: {calm: 0.1, neutral: 0.1, sadness: 0.8}, valence: -0.3")
    )
    noon = {"start": "2026-05-22T12:00:00+09:00"}
    items = [scene(), scene(), scene("wind"), item(make())]
    items = [one | noon for one in items]
    assert rules.compared(before, before, items) == {"moments": 3, "changed": 0, "changes": []}
    assert rules.compared(before, after, items) == {
        "moments": 3,
        "changed": 2,
        "changes": [{"scene": "rain", "from": "calm", "to": "sadness", "count": 2}],
    }


def test_a_scene_that_goes_on_is_asked_about_for_as_long_as_its_chain():
    table = rules.parse(rules.default())
    crying = {rule.id: rule for rule in table if rule.scene == "baby_crying"}
    assert "baby-crying-long" in crying
    after = rules.parse(
        rules.default().replace(
            "emotions: {sadness: 0.4, anger: 0.3, fear: 0.2, neutral: 0.1}", "emotions: {anger: 1.0}"
        )
    )
    first, second = uuid7(), uuid7()
    chain = [
        scene("baby_crying", "people", id=first, seconds=100.0),
        scene("baby_crying", "people", id=second, seconds=100.0, continues=first),
    ]
    assert rules.compared(table, after, chain)["changed"] == 1


def test_a_scene_that_no_table_knows_is_no_failure():
    table = rules.parse(rules.default())
    assert rules.compared(table, table, [scene("whales")])["moments"] == 1
