from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from configs import shipped
from edge import config
from edge.config import Config
from edge.models.interpreter import WEIGHTS
from moments.errors import UserError
from moments.settings import Settings


def written(tmp_path, text):
    path = tmp_path / "edge.yaml"
    path.write_text(text)
    return path


def test_an_empty_file_gives_the_defaults(tmp_path):
    loaded = config.load(written(tmp_path, ""))
    assert loaded.source == "microphone"
    assert loaded.broker.port == 1883
    assert loaded.device


def test_the_shipped_file_shows_every_setting_with_its_default(tmp_path):
    names = {"device"}  # its default is the host's name
    shown = yaml.safe_load(shipped("edge.yaml").read_text())
    names |= {f"{top}.{name}" for top, inner in shown.items() if isinstance(inner, dict) for name in inner} | set(shown)
    known = {key for key in config._keys(config.Config) if key.count(".") < 2}
    assert names == known - {"schedule.days", "schedule.from", "schedule.to"}
    assert config.load(shipped("edge.yaml")) == config.load(written(tmp_path, ""))


def test_every_setting_has_a_description():
    def missing(model, before=""):
        for name, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, Settings):
                yield from missing(inner, f"{before}{name}.")
            elif not field.description:
                yield f"{before}{name}"

    assert list(missing(config.Config)) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("borker: {}", "borker is not a setting; did you mean broker?"),
        ("broker: {prot: 1}", "broker.prot is not a setting; did you mean broker.port?"),
        ("max_age_s: 3", "max_age_s is not a setting; did you mean gps.max_age_s?"),
        ("gps: {home_zones: [{lat: 1, lon: 2, radius: 3}]}", "gps.home_zones.0.radius_m: field required"),
        ("qqq: 1", "qqq is not a setting"),
        ("broker: {port: 99999}", "broker.port: input should be less than or equal to 65535"),
        ("broker: {ca_file: ca.crt}", "broker: ca_file is of use with tls only: set tls to true, or ca_file to null"),
        ("source: mike", "source: must be microphone, file:PATH or pipe:-"),
        ("device: a/b", "device: must be 1 to 64 letters"),
        ("clips: true", "clips: input should be a valid dictionary"),
        ("clips: {hub: http://hub.local}", "clips.hub: must be https://"),
        ("clips: {hub: 'https://hub.local:84430'}", "clips.hub: must be https://"),
        ("clips: {hub: 'https://[fe80::1'}", "clips.hub: must be https://"),
        ("clips: {hub: 'https://:443'}", "clips.hub: must be https://"),
        ("outbox: {max_mb: .inf}", "outbox.max_mb: input should be a finite number"),
        ("schedule: [{from: '22:00', to: '22:00'}]", "schedule.0: from and to must differ"),
        ("schedule: [{from: '25:00', to: '22:00'}]", "schedule.0.from: string should match"),
        ("- 1", "must hold settings as `key: value`"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_wrong_file_is_answered_with_one_sentence_that_names_the_key(tmp_path, text, sentence):
    with pytest.raises(UserError) as error:
        config.load(written(tmp_path, text))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_section_that_stands_twice_is_refused_with_its_line(tmp_path):
    path = written(tmp_path, "gps: {home_zones: [{lat: 1, lon: 2, radius_m: 100}]}\nsource: pipe:-\ngps: {port: 2947}")
    with pytest.raises(UserError) as error:
        config.load(path)
    assert str(error.value) == f"{path} line 3: gps stands twice; put both into one"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no\.yaml: cannot be read"):
        config.load(tmp_path / "no.yaml")


def test_the_weights_of_the_speech_model_are_the_small_ones_or_a_file(tmp_path):
    said = {"small": WEIGHTS / "speech-small.tflite", "own.tflite": Path("own.tflite"), "null": None}
    for text, meant in said.items():
        assert config.load(written(tmp_path, f"models: {{speech: {text}}}")).models.speech == meant


def test_an_override_wins_and_reaches_into_sections_that_the_file_leaves_empty(tmp_path):
    path = written(tmp_path, "broker:\ngps: {round_m: 5}")
    loaded = config.load(path, ["broker.port=1999", "gps.fixed={lat: 1, lon: 2}", "outbox.path=/a #1/b.db"])
    assert loaded.broker.port == 1999
    assert loaded.gps.round_m == 5
    assert loaded.gps.fixed == config.Point(lat=1, lon=2)
    assert loaded.outbox_path == Path("/a #1/b.db")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("broker.port", "write --set key.path=value"),
        ("broker.host.name=x", "host holds no settings"),
        ("broker.port=[", "the value is not YAML"),
        ("gps.fixed={lat: 1, lat: 2, lon: 3}", "--set gps.fixed={lat: 1, lat: 2, lon: 3}: lat stands twice; put both"),
        ("borker.port=1", "borker is not a setting; did you mean broker"),
    ],
)
def test_a_wrong_override_is_named(tmp_path, override, sentence):
    with pytest.raises(UserError) as error:
        config.load(written(tmp_path, "broker: {host: here}"), [override])
    assert sentence in str(error.value)


def test_state_lies_under_the_xdg_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert config.load(written(tmp_path, "")).outbox_path == tmp_path / "moodscape" / "outbox.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert config.load(written(tmp_path, "")).outbox_path == Path.home() / ".local/share/moodscape/outbox.sqlite"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_in_the_file_end_in_a_traceback(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    with suppress(UserError):
        assert isinstance(config.load(path), config.Config)


def test_a_path_may_begin_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Config(outbox={"path": "~/waits.sqlite"}).outbox_path == tmp_path / "waits.sqlite"
