"""`moodscape edge rules`: what it says is what the rules do."""

import pytest

from configs import shipped
from edge.models.rules import Rules
from edge.models.scenes import SceneReading
from moodscape.cli import main


@pytest.mark.parametrize(("scene", "level"), [("crowd", 20.0), ("rain", 0.0), ("street", 15.0)])
def test_an_explanation_names_the_emotion_that_the_moment_would_have(capsys, scene, level):
    assert main(["edge", "rules", "--explain", scene, "--level", str(level)]) == 0
    rules = Rules.load(shipped("scenes.yaml"))
    ruling = rules.apply(SceneReading({scene: 1.0}, scene, "group", 1.0), level - 40, median_dbfs=-40.0)
    assert f"→ {ruling.emotion}, because" in capsys.readouterr().out


def test_the_table_shows_each_rule_with_the_emotion_that_it_gives(capsys):
    assert main(["edge", "rules"]) == 0
    rows = {line.split("  ")[-1]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert rows["a roaring crowd, a strain"] == "unclear"
    assert rows["laughter"] == "happiness"


def test_the_rules_are_those_that_the_settings_name_unless_others_are_given(capsys, tmp_path):
    mine, settings = tmp_path / "mine.yaml", tmp_path / "edge.yaml"
    mine.write_text(shipped("scenes.yaml").read_text().replace('because: "laughter"', 'because: "my friends"'))
    settings.write_text(f"models: {{rules: {mine}}}")
    assert main(["edge", "rules", "--config", str(settings)]) == 0
    assert "my friends" in capsys.readouterr().out
    assert main(["edge", "rules", "--config", str(settings), "--rules", str(shipped("scenes.yaml"))]) == 0
    assert "my friends" not in capsys.readouterr().out


def test_settings_that_cannot_be_read_are_named(capsys, tmp_path):
    assert main(["edge", "rules", "--config", str(tmp_path / "nowhere.yaml")]) == 2
    assert "nowhere.yaml: cannot be read" in capsys.readouterr().err


def test_a_file_that_is_valid_is_said_to_be_and_another_is_refused(capsys, tmp_path):
    assert main(["edge", "rules", "--check", str(shipped("scenes.yaml"))]) == 0
    assert "valid, version" in capsys.readouterr().out
    (tmp_path / "wrong.yaml").write_text("version: 1")
    assert main(["edge", "rules", "--check", str(tmp_path / "wrong.yaml")]) != 0
    assert "wrong.yaml" in capsys.readouterr().err
