"""Tells Home Assistant what a device is, by its MQTT discovery for whole devices.

Home Assistant then reads the device's own topics from the same broker; nothing passes through the hub. The format is
that of https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload (since 2024.11; the pause switch
needs the `command_template` of 2024.8).
"""

from importlib import metadata
from typing import Any, Final

from moments import EMOTIONS
from moments.topics import topic

Component = dict[str, Any]

_LATE_S: Final = 600
"""A moment that began longer ago was sent late or again, and tells nothing of now."""

_SAME_NUMBER: Final = ""
"""Home Assistant passes over a number that is empty; an empty text it would show, or warn of in its log."""

_SAME_TEXT: Final = "{{ this.state if this.state not in ('unknown', 'unavailable') else none }}"

_PLACE: Final = (
    "{% set place = value_json.place %}"
    "{{ {'latitude': place.lat, 'longitude': place.lon, 'gps_accuracy': place.accuracy_m or 0} | tojson "
    "if place else '{}' }}"
)
_DETAILS: Final = (
    "{{ {'confidence': value_json.confidence, 'basis': value_json.basis, 'start': value_json.start, "
    "'because': value_json.rule.because if value_json.rule else none} | tojson }}"
)
_COMMAND: Final = "{{ {'id': 'home-assistant-' ~ now().timestamp(), 'do': value} | tojson }}"


def discovery_topic(device: str, prefix: str) -> str:
    """Name the topic that Home Assistant finds a device under, its own for each; ids there have no dots."""
    if "." in device:  # no name of a device begins with "_", so none is spelled as this
        device = "_" + device.replace("_", "__").replace(".", "_-")
    return f"{prefix}/device/moodscape_{device}/config"


def discovery(device: str) -> dict[str, Any]:
    """Give the discovery payload of a device: emotion, valence, arousal, scene, level, state, a switch, its place."""
    moment, status, health = (topic(device, kind) for kind in ("moment", "status", "health"))
    parts: dict[str, Component] = {
        "emotion": _sensor(
            "Emotion",
            moment,
            _unless_late("{{ value_json.emotion or 'unclear' }}", _SAME_TEXT),
            device_class="enum",
            options=[*EMOTIONS, "unclear"],
            icon="mdi:emoticon-outline",
            json_attributes_topic=moment,
            json_attributes_template=_unless_late(_DETAILS, _same("confidence", "basis", "start", "because")),
        ),
        "valence": _measured("Valence", moment, _number("valence"), icon="mdi:emoticon-happy-outline"),
        "arousal": _measured("Arousal", moment, _number("arousal"), icon="mdi:pulse"),
        "scene": _sensor(
            "Scene",
            moment,
            _unless_late("{{ value_json.scene.label if value_json.scene else none }}", _SAME_TEXT),
            icon="mdi:ear-hearing",
        ),
        "level": _measured(
            "Level", moment, _number("level_dbfs"), unit_of_measurement="dBFS", icon="mdi:volume-medium"
        ),
        "state": _sensor(
            "State",
            status,
            "{{ value_json.state }}",
            device_class="enum",
            options=["listening", "paused", "deaf", "offline"],
            entity_category="diagnostic",
        ),
        "waiting": _measured("Waiting moments", health, "{{ value_json.outbox.depth }}", entity_category="diagnostic"),
        "paused": {
            "platform": "switch",
            "name": "Paused",
            "icon": "mdi:ear-hearing-off",
            "state_topic": status,
            "value_template": "{{ 'paused' if value_json.state == 'paused' else 'listening' }}",
            "state_on": "paused",
            "state_off": "listening",
            "command_topic": topic(device, "command"),
            "command_template": _COMMAND,
            "payload_on": "pause",
            "payload_off": "resume",
            "qos": 1,
        },
        "place": {
            "platform": "device_tracker",
            "name": "Place",
            "source_type": "gps",
            "json_attributes_topic": moment,
            "json_attributes_template": _unless_late(_PLACE, _same("latitude", "longitude", "gps_accuracy")),
        },
    }
    for name, part in parts.items():
        part["unique_id"] = f"moodscape_{device}_{name}"
        if name != "state":  # which says itself that the device is offline
            part["availability"] = [
                {
                    "topic": status,
                    "value_template": "{{ 'offline' if value_json.state == 'offline' else 'online' }}",
                }
            ]
    return {
        "device": {"identifiers": [f"moodscape_{device}"], "name": device, "manufacturer": "Moodscape"},
        "origin": {"name": "moodscape", "sw_version": metadata.version("moodscape")},
        "components": parts,
    }


def _sensor(name: str, state_topic: str, template: str, **more: Any) -> Component:
    return {"platform": "sensor", "name": name, "state_topic": state_topic, "value_template": template, **more}


def _measured(name: str, state_topic: str, template: str, **more: Any) -> Component:
    return _sensor(name, state_topic, template, state_class="measurement", **more)


def _number(field: str) -> str:
    return _unless_late(f"{{{{ value_json.{field} }}}}", _SAME_NUMBER)


def _same(*attributes: str) -> str:
    """Give the template of attributes that stay as they are; to have none at all is warned of in the log."""
    return f"{{{{ dict(this.attributes.items() | selectattr(0, 'in', {list(attributes)})) | tojson }}}}"


def _unless_late(template: str, same: str) -> str:
    """Give a template that reads a moment, or says `same` where the moment is late."""
    age_s = "now().timestamp() - as_timestamp(value_json.start)"
    return f"{{% if {age_s} < {_LATE_S} %}}{template}{{% else %}}{same}{{% endif %}}"
