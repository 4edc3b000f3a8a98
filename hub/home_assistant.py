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

_MOMENT: Final = "value_json"
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
    """Name the topic that Home Assistant finds a device under; its ids have no dots."""
    return f"{prefix}/device/moodscape_{device.replace('.', '_')}/config"


def discovery(device: str) -> dict[str, Any]:
    """Give the discovery payload of a device: emotion, valence, arousal, scene, level, state, a switch, its place."""
    moment, status, health = (topic(device, kind) for kind in ("moment", "status", "health"))
    parts: dict[str, Component] = {
        "emotion": _sensor(
            "Emotion",
            moment,
            "{{ value_json.emotion or 'unclear' }}",
            device_class="enum",
            options=[*EMOTIONS, "unclear"],
            icon="mdi:emoticon-outline",
            json_attributes_topic=moment,
            json_attributes_template=_DETAILS,
        ),
        "valence": _measured("Valence", moment, "valence", icon="mdi:emoticon-happy-outline"),
        "arousal": _measured("Arousal", moment, "arousal", icon="mdi:pulse"),
        "scene": _sensor(
            "Scene", moment, "{{ value_json.scene.label if value_json.scene else none }}", icon="mdi:ear-hearing"
        ),
        "level": _measured("Level", moment, "level_dbfs", unit_of_measurement="dBFS", icon="mdi:volume-medium"),
        "state": _sensor(
            "State",
            status,
            "{{ value_json.state }}",
            device_class="enum",
            options=["listening", "paused", "deaf", "offline"],
            entity_category="diagnostic",
        ),
        "waiting": _measured("Waiting moments", health, "outbox.depth", entity_category="diagnostic"),
        "paused": {
            "platform": "switch",
            "name": "Paused",
            "icon": "mdi:ear-hearing-off",
            "state_topic": status,
            "value_template": "{{ value_json.state }}",
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
            "json_attributes_template": _PLACE,
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


def _measured(name: str, state_topic: str, path: str, **more: Any) -> Component:
    template = f"{{{{ {_MOMENT}.{path} }}}}"
    return _sensor(name, state_topic, template, state_class="measurement", **more)
