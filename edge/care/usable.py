"""Whether the files that settings name can be used: what a reload asks before it gives up the settings that work."""

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from configs import shipped
from edge.config import Config
from edge.delivery.connection import authenticate
from edge.models.interpreter import Model
from edge.models.rules import Rules
from edge.records.clip import Safe


def need_usable(config: Config) -> None:
    """Raise UserError for a key, password, certificate, token, table of rules or weights that cannot be used.

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
        Model.load(models.speech)
