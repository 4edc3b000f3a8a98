"""Which microphone is which, whatever number it got this time: by name, or by the identity of a USB device."""

import re
from pathlib import Path
from typing import Final

_CARDS: Final = Path("/proc/asound")
_HARDWARE: Final = re.compile(r"\s*\(hw:(\d+),\d+\)")
_USB: Final = re.compile(r"usb:([0-9a-f]{4}:[0-9a-f]{4})", re.IGNORECASE | re.ASCII)


def stable_name(name: str) -> str:
    """Take ALSA's card number off a name, as it changes when devices are plugged in another order."""
    return _HARDWARE.sub("", name).strip()


def usb_id(name: str, cards: Path = _CARDS) -> str | None:
    """Give `usb:VENDOR:PRODUCT` of the card that PortAudio's name tells of; None where that is no USB device."""
    card = _HARDWARE.search(name)
    if card is None:
        return None
    try:
        found = _USB.fullmatch(f"usb:{(cards / f'card{card[1]}' / 'usbid').read_text().strip()}")
    except (OSError, UnicodeDecodeError):
        return None
    return found and found[0].lower()


def fitting(names: list[str], wanted: str, cards: Path = _CARDS) -> int | None:
    """Give the place of the name that is meant: by USB identity, else the whole name, else one that holds it."""
    if _USB.fullmatch(wanted):
        return next((i for i, name in enumerate(names) if usb_id(name, cards) == wanted.lower()), None)
    text, stable = stable_name(wanted).casefold(), [stable_name(name).casefold() for name in names]
    whole = (i for i, name in enumerate(stable) if name == text)
    part = (i for i, name in enumerate(stable) if text in name)
    return next(whole, next(part, None))
