"""What Home Assistant is told: its discovery format, rendered as its templates are, and sent over a real broker."""

import json
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from edge.owner.commands import Command
from hub.config import Broker
from hub.home_assistant import discovery, discovery_topic
from hub.ingest.subscriber import Subscriber
from hub.metrics import Metrics
from tests.hub.moments import START, make
from tests.parts import wait_until
from tests.secured import Client, Secured

PARTS = discovery("pocket-1")["components"]
MOMENT = "moodscape/v1/pocket-1/moment"
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)


def rendered(template, payload=None, **more):
    """What a template makes of a payload; an unknown name fails instead of being empty."""
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    environment.globals["now"] = lambda: START + timedelta(seconds=5)
    environment.globals["as_timestamp"] = lambda text: datetime.fromisoformat(text).timestamp()
    return environment.from_string(template).render(value_json=payload, **more)


def test_emotion_scene_and_numbers_are_read_from_the_moment():
    moment = json.loads(make().to_json())
    for name, expected in (
        ("emotion", moment["emotion"]),
        ("valence", str(moment["valence"])),
        ("arousal", str(moment["arousal"])),
        ("level", str(moment["level_dbfs"])),
        ("scene", moment["scene"]["label"]),
    ):
        assert PARTS[name]["state_topic"] == MOMENT
        assert rendered(PARTS[name]["value_template"], moment) == expected
    assert moment["emotion"] in PARTS["emotion"]["options"]


def test_a_moment_without_scene_place_or_rule_is_read_too():
    bare = json.loads(make().to_json()) | {"scene": None, "place": None, "rule": None, "emotion": None}
    assert rendered(PARTS["scene"]["value_template"], bare) == "None"  # Home Assistant's word for unknown
    assert rendered(PARTS["emotion"]["value_template"], bare) == "unclear"
    assert json.loads(rendered(PARTS["place"]["json_attributes_template"], bare)) == {}
    assert json.loads(rendered(PARTS["emotion"]["json_attributes_template"], bare))["because"] is None


def test_the_tracker_stands_where_the_moment_was():
    moment = json.loads(make().to_json()) | {"place": {"lat": 35.1, "lon": 129.1, "accuracy_m": None, "age_s": 1.0}}
    place = json.loads(rendered(PARTS["place"]["json_attributes_template"], moment))
    assert place == {"latitude": 35.1, "longitude": 129.1, "gps_accuracy": 0}


def shown(part, moment, before):
    """The state and the attributes after a moment, as Home Assistant takes what the templates say."""
    state, attributes = before.state, before.attributes
    if part.get("state_topic") == MOMENT:
        said = rendered(part["value_template"], moment, this=before)
        passed_over = said == "" and "state_class" in part
        state = state if passed_over else "unknown" if said == "None" else said
    if part.get("json_attributes_topic") == MOMENT:
        attributes = json.loads(rendered(part["json_attributes_template"], moment, this=before))
    return state, attributes


@pytest.mark.parametrize(("age", "late"), [({"minutes": 9}, False), ({"minutes": 11}, True), ({"hours": 3}, True)])
@pytest.mark.parametrize(
    ("name", "state", "attributes"),
    [
        ("emotion", "fear", {"confidence": 0.5, "basis": "scene", "start": "2026-05-22T09:30+09:00", "because": None}),
        ("valence", "-0.25", {}),
        ("arousal", "-0.25", {}),
        ("scene", "rain", {}),
        ("level", "-60.5", {}),
        ("place", "home", {"latitude": 1.5, "longitude": 2.5, "gps_accuracy": 3}),
    ],
)
def test_a_moment_that_is_sent_late_changes_nothing(name, state, attributes, age, late):
    moment = json.loads(make(start=START - timedelta(**age)).to_json())
    own = {"friendly_name": "pocket-1"} if attributes else {}  # what Home Assistant says of every entity
    same = shown(PARTS[name], moment, SimpleNamespace(state=state, attributes=attributes | own))
    assert (same == (state, attributes)) is late


def test_no_part_reads_a_moment_that_is_sent_late():
    moment = json.loads(make(start=START - timedelta(hours=3)).to_json())
    before = SimpleNamespace(state="unknown", attributes={})
    assert {name: shown(part, moment, before) for name, part in PARTS.items()} == dict.fromkeys(PARTS, ("unknown", {}))


@pytest.mark.parametrize("state", PARTS["state"]["options"])
def test_the_switch_is_on_while_the_device_is_paused_and_off_in_every_other_state(state):
    switch = PARTS["paused"]
    expected = switch["state_on"] if state == "paused" else switch["state_off"]
    assert rendered(switch["value_template"], {"state": state}) == expected


@pytest.mark.parametrize("do", [PARTS["paused"]["payload_on"], PARTS["paused"]["payload_off"]])
def test_the_switch_sends_a_command_that_the_device_understands(do):
    sent = rendered(PARTS["paused"]["command_template"], value=do)
    assert Command.model_validate_json(sent).do == do
    assert PARTS["paused"]["command_topic"] == "moodscape/v1/pocket-1/command"


def test_all_but_the_state_are_unavailable_while_the_device_is_offline():
    for name, part in PARTS.items():
        if name != "state":
            template = part["availability"][0]["value_template"]
            assert [rendered(template, {"state": state}) for state in ("deaf", "offline")] == ["online", "offline"]


@given(NAMES)
def test_every_device_has_a_topic_of_the_shape_that_is_looked_for(device):
    prefix, kind, name, last = discovery_topic(device, "homeassistant").split("/")
    assert (prefix, kind, last) == ("homeassistant", "device", "config")
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    unique = [part["unique_id"] for part in discovery(device)["components"].values()]
    assert len(set(unique)) == len(unique)


@given(st.sets(st.one_of(NAMES, st.from_regex(r"a[._-]{0,4}", fullmatch=True)), min_size=2))
@example({"pocket.1", "pocket_1"})
def test_no_two_devices_share_a_topic_or_an_id(devices):
    assert len({discovery_topic(device, "homeassistant") for device in devices}) == len(devices)
    told = [discovery(device) for device in devices]
    assert len({identifier for one in told for identifier in one["device"]["identifiers"]}) == len(devices)
    unique = [part["unique_id"] for one in told for part in one["components"].values()]
    assert len(set(unique)) == len(unique)


@pytest.mark.needs("mosquitto")
def test_a_device_is_announced_once_and_stays_announced(mosquitto, store):
    import paho.mqtt.client as mqtt

    heard = []
    watcher = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    watcher.on_message = lambda _c, _u, message: heard.append(message)
    watcher.connect(mosquitto.host, mosquitto.port)
    watcher.subscribe("homeassistant/#", 1)
    watcher.loop_start()
    metrics = Metrics()
    hub = Subscriber(
        Broker(host=mosquitto.host, port=mosquitto.port),
        store,
        metrics,
        lambda device: (discovery_topic(device, "homeassistant"), discovery(device)),
    )
    hub.start()
    try:
        wait_until(lambda: metrics.value("moodscape_broker_connected") == 1)
        status = json.dumps({"state": "listening", "since": "2026-05-22T09:32:10+09:00"})
        for _ in range(3):
            watcher.publish("moodscape/v1/pocket-1/status", status, 1, retain=True).wait_for_publish(5)
        wait_until(lambda: heard)
        watcher.publish("moodscape/v1/pocket-2/status", status, 1, retain=True).wait_for_publish(5)
        wait_until(lambda: len(heard) == 2)
        assert [message.topic.split("/")[2] for message in heard] == ["moodscape_pocket-1", "moodscape_pocket-2"]
        assert json.loads(heard[0].payload) == json.loads(json.dumps(discovery("pocket-1")))
        late = []
        watcher.on_message = lambda _c, _u, message: late.append(message.topic)
        watcher.unsubscribe("homeassistant/#")
        watcher.subscribe("homeassistant/#", 1)
        wait_until(lambda: len(late) == 2)
    finally:
        hub.close()
        watcher.disconnect()
        watcher.loop_stop()


@pytest.mark.needs("mosquitto")
@pytest.mark.parametrize(("prefix", "refusals"), [("homeassistant", 0), ("ha", 1)])
def test_an_announcement_that_the_hubs_login_may_not_make_is_told(tmp_path, store, caplog, prefix, refusals):
    broker = Secured(tmp_path, ("pocket-1",)).start()
    metrics, device = Metrics(), None
    hub = Subscriber(broker.settings, store, metrics, lambda name: (discovery_topic(name, prefix), discovery(name)))
    hub.start()
    try:
        wait_until(lambda: metrics.value("moodscape_broker_connected") == 1)
        device = Client(broker, "pocket-1", broker.passwords["pocket-1"])
        device.publish("moodscape/v1/pocket-1/status", b'{"state": "listening"}')
        wait_until(lambda: hub._announced == {"pocket-1"})
        wait_until(lambda: hub._client._out_messages == {})  # all is answered
    finally:
        hub.close()
        if device is not None:
            device.close()
        broker.kill()
    assert caplog.text.count("the broker refuses what the hub publishes") == refusals
