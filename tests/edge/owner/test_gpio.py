import sys

import pytest

from edge.config import Gpio
from edge.owner import gpio
from edge.owner.gpio import Pins
from moments.errors import UserError
from tests.parts import wait_until

gpiozero = pytest.importorskip("gpiozero")


@pytest.fixture
def factory(monkeypatch):
    from gpiozero.pins.mock import MockFactory

    made = MockFactory()
    monkeypatch.setattr(gpiozero.Device, "pin_factory", made)
    monkeypatch.setattr(gpio, "HOLD_S", 0.3)
    yield made
    made.reset()


@pytest.fixture
def pins(factory):
    asked = []
    made = Pins(Gpio(button=17, light=27), mark=lambda: asked.append("mark"), toggle=lambda: asked.append("toggle"))
    yield made, asked
    made.close()


def test_a_press_marks(factory, pins):
    _, asked = pins
    pin = factory.pin(17)
    for n in (1, 2):
        pin.drive_low()
        pin.drive_high()
        wait_until(lambda n=n: asked == ["mark"] * n)


def test_holding_pauses_or_resumes_once_and_does_not_mark(factory, pins):
    _, asked = pins
    pin = factory.pin(17)
    pin.drive_low()
    wait_until(lambda: asked)
    pin.drive_high()
    pin.drive_low()
    pin.drive_high()
    wait_until(lambda: len(asked) == 2)
    assert asked == ["toggle", "mark"]


def test_the_light_is_on_while_it_listens_and_goes_out_at_the_end(factory, pins):
    made, _ = pins
    light = factory.pin(27)
    assert not light.state
    made.show(listening=True)
    assert light.state
    made.show(listening=False)
    assert not light.state
    made.show(listening=True)
    made.close()
    assert not light.state


def test_without_pins_gpiozero_is_not_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    pins = Pins(Gpio(), mark=lambda: None, toggle=lambda: None)
    pins.show(listening=True)
    pins.close()
    with pytest.raises(UserError, match=r"moodscape\[gpio\]"):
        Pins(Gpio(light=1), mark=lambda: None, toggle=lambda: None)


def test_a_pin_that_is_taken_is_a_mistake_in_the_settings(factory):
    with pytest.raises(UserError, match="gpio: a pin cannot be used"):
        Pins(Gpio(button=17, light=17), mark=lambda: None, toggle=lambda: None)
