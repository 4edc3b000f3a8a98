"""A button and a light on the pins of a Raspberry Pi. gpiozero is imported only where a pin is set."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from edge.config import Gpio
from moments.errors import UserError

log = logging.getLogger(__name__)

HOLD_S: Final = 2.0
_BOUNCE_S: Final = 0.05


class Pins:
    """Calls `mark` when the button was pressed, and `toggle` (pause or resume) once it was held for `HOLD_S`.

    Raises UserError when gpiozero or a pin cannot be used.
    """

    def __init__(self, settings: Gpio, *, mark: Callable[[], object], toggle: Callable[[], object]) -> None:
        self._button: Any = None
        self._light: Any = None
        self._was_held = False
        if settings.button is None and settings.light is None:
            return
        try:
            from gpiozero import LED, Button  # type: ignore[import-untyped]
        except ImportError as error:
            raise UserError("gpio needs gpiozero: pip install 'moodscape[gpio]'") from error
        try:
            if settings.button is not None:
                self._button = Button(settings.button, bounce_time=_BOUNCE_S, hold_time=HOLD_S)
                self._button.when_held = self._held(toggle)
                self._button.when_released = self._released(mark)
            if settings.light is not None:
                self._light = LED(settings.light)
        except Exception as error:  # gpiozero raises its own for a pin in use, and others for a machine without pins
            self.close()
            raise UserError(f"gpio: a pin cannot be used ({error}); may the user read /dev/gpiochip0?") from error

    def show(self, *, listening: bool) -> None:
        """Let the light say whether the device listens."""
        if self._light is not None:
            self._light.value = listening

    def close(self) -> None:
        """Let the pins go; the light goes out."""
        self.show(listening=False)
        for part in (self._button, self._light):
            if part is not None:
                part.close()
        self._button = self._light = None

    def _held(self, toggle: Callable[[], object]) -> Callable[[], None]:
        def held() -> None:
            self._was_held = True
            _apart("pause", toggle)

        return held

    def _released(self, mark: Callable[[], object]) -> Callable[[], None]:
        def released() -> None:
            was_held, self._was_held = self._was_held, False
            if not was_held:
                _apart("mark", mark)

        return released


def _apart(what: str, do: Callable[[], object]) -> None:
    """Do it in a thread of its own: gpiozero's must not wait for a disk."""
    log.info("the button was used", extra={"do": what})
    threading.Thread(target=do, name=what, daemon=True).start()
