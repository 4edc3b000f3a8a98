"""Whether the files that settings name can be used: what a reload asks before it gives up the settings that work."""

from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from configs import shipped
from edge.config import Config
from edge.delivery.connection import authenticate
from edge.models.rules import Rules
from edge.models.speech import SpeechReader
from edge.records.clip import Safe


def need_usable(config: Config) -> None:
    """Raise UserError or WorkError for a file that the settings name and that cannot be used, from keys to recording.

    Nothing is opened that the running device has open: pins and microphone are not tried.
    """
    clips, models = config.clips, config.models
    Safe(clips.key_file)
    authenticate(mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5), config.device, config.broker)
    if clips.hub is not None:
        from edge.records.upload import Hub

        hub = Hub(config.device, clips.hub, clips.token_file, clips.ca_file)
        hub.headers()
        hub.connect().close()
    Rules.load(models.rules or shipped("scenes.yaml"))
    if models.speech is not None:
        SpeechReader.load(models.speech)
    kind, _, name = config.source.partition(":")
    if kind == "file":
        from edge.capture.recording import Recording

        Recording(Path(name)).close()
