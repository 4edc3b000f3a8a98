from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.config import Broker, Http, Settings, load
from moments.errors import UserError


def test_the_shipped_file_says_the_defaults():
    assert load() == Settings()


def test_a_setting_is_overridden_on_the_command_line(tmp_path):
    file = tmp_path / "hub.yaml"
    file.write_text("http: {port: 9000}\n")
    assert load(file).http.port == 9000
    loaded = load(file, ["http.port=9001", "broker.user=hub", f"store.path={tmp_path}/x.db"])
    assert (loaded.http.port, loaded.broker.user, loaded.store.file) == (9001, "hub", tmp_path / "x.db")
    assert load(file, ["http=null", "http.port=9002"]).http.port == 9002


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("http.prot=80", "hub.yaml: there is no setting http.prot; there are host, port, open_on_loopback"),
        ("htpt.port=80", "hub.yaml: there is no setting htpt; there are http, broker, store, influx, retention"),
        ("http.port=many", "hub.yaml: http.port: input should be a valid integer"),
        ("http.port=0", "hub.yaml: http.port: input should be greater than or equal to 1"),
        ("broker.ca_file=ca.crt", "hub.yaml: broker: ca_file is of use with tls only: set tls to true, or ca_file"),
        ("http.port", "--set http.port: write --set key.path=value"),
        ("http.port=[", "--set http.port=[: the value is not YAML"),
        (
            "retention={clip_days: 1, clip_days: 2}",
            "--set retention={clip_days: 1, clip_days: 2}: clip_days stands twice",
        ),
    ],
)
def test_a_wrong_setting_is_named(override, says):
    with pytest.raises(UserError) as wrong:
        load(None, [override])
    assert str(wrong.value).startswith(says)


@pytest.mark.parametrize(
    ("text", "says"), [("a: [", "is not YAML"), ("- 1", "must hold settings"), (None, "cannot be read")]
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, says):
    file = tmp_path / "hub.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=says) as wrong:
        load(file)
    assert str(file) in str(wrong.value)


def test_a_section_that_stands_twice_is_refused_with_its_line(tmp_path):
    file = tmp_path / "hub.yaml"
    file.write_text("retention: {speech_days: 30}\nhttp: {port: 9000}\nretention: {clip_days: 7}\n")
    with pytest.raises(UserError) as wrong:
        load(file)
    assert str(wrong.value) == f"{file} line 3: retention stands twice; put both into one"


def test_state_lives_under_the_data_folder(monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert Settings().store.file == Path("/somewhere/moodscape/hub.db")


@pytest.mark.parametrize(
    ("host", "open_"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)],  # noqa: S104
)
def test_only_the_loopback_may_be_open(host, open_):
    assert load(None, [f"http.host={host}"]).http.open == open_
    assert not load(None, [f"http.host={host}", "http.open_on_loopback=false"]).http.open


def test_a_hub_that_others_reach_does_not_start_open(tmp_path):
    from hub.serve import run

    with pytest.raises(UserError, match="calls need tokens"):
        run(load(None, ["http.host=0.0.0.0", f"store.path={tmp_path}/hub.db"]))


def test_a_path_may_begin_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    http = Http(cert_file="~/hub.crt", key_file="~/hub.key")
    assert (http.cert_file, http.key_file) == (tmp_path / "hub.crt", tmp_path / "hub.key")
    with pytest.raises(ValidationError, match="cannot be found"):
        Http(cert_file="~nobody-of-that-name/hub.crt")


def test_a_password_without_a_user_is_a_mistake():
    with pytest.raises(ValidationError, match="password_file needs user"):
        Broker(password_file="/secret")  # noqa: S106 (a path)
