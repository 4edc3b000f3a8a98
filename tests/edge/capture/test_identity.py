import pytest

from edge.capture.identity import fitting, usb_id

NAMES = ["HDA Intel PCH: ALC257 (hw:0,0)", "USB Audio Device: - (hw:1,0)", "USB Audio Device: - (hw:2,0)", "pulse"]


@pytest.fixture
def cards(tmp_path):
    def plugged_in(**usb):
        for number in range(4):
            (tmp_path / f"card{number}").mkdir(exist_ok=True)
            (tmp_path / f"card{number}" / "usbid").unlink(missing_ok=True)
        for card, found in usb.items():
            (tmp_path / card / "usbid").write_text(f"{found}\n")
        return tmp_path

    return plugged_in


def test_a_usb_microphone_is_found_by_its_identity_whatever_its_number(cards):
    assert fitting(NAMES, "usb:0d8c:0014", cards(card1="046d:0825", card2="0d8c:0014")) == 2
    assert fitting(NAMES, "USB:0D8C:0014", cards(card1="0d8c:0014", card2="046d:0825")) == 1


def test_another_usb_device_is_not_taken_in_its_place(cards):
    assert fitting(NAMES, "usb:0d8c:0014", cards(card1="046d:0825")) is None


def test_what_is_no_usb_device_has_no_such_identity(cards):
    folder = cards(card1="0d8c:0014")
    assert [usb_id(name, folder) for name in NAMES] == [None, "usb:0d8c:0014", None, None]
    (folder / "card1" / "usbid").write_bytes(b"\xff\xfe")
    assert usb_id(NAMES[1], folder) is None


def test_a_name_goes_by_the_whole_before_a_part():
    assert fitting(["a pulse", "pulse"], "pulse") == 1
    assert fitting(["a pulse", "b"], "pulse") == 0
    assert fitting(NAMES, "usb audio device: - (hw:9,0)") == 1
    assert fitting(NAMES, "none such") is None
