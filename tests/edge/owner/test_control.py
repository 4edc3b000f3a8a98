import socket

import pytest

from edge.owner.control import Control, ask, path_beside
from moments.errors import WorkError


@pytest.fixture
def outbox(tmp_path):
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def serving(outbox):
    controls = []

    def go(answer):
        controls.append(Control(path_beside(outbox), answer))
        controls[-1].start()
        return controls[-1]

    yield go
    for control in controls:
        control.close()


def test_a_command_reaches_the_device_and_its_answer_comes_back(outbox, serving):
    heard = []
    serving(lambda payload: heard.append(payload) or {"ok": True, "record": "r"})
    assert ask(outbox, {"do": "mark"})["record"] == "r"
    assert heard == [b'{"do": "mark"}\n']
    assert path_beside(outbox).stat().st_mode & 0o077 == 0, "only its own user"


def test_without_a_device_the_sentence_says_how_to_start_one(outbox):
    with pytest.raises(WorkError, match="start it with `moodscape edge run`"):
        ask(outbox, {})


def test_a_refusal_is_told(outbox, serving):
    serving(lambda _: {"ok": False, "error": "args.note: too long"})
    with pytest.raises(WorkError, match=r"args\.note: too long"):
        ask(outbox, {})


def test_what_fails_or_hangs_up_does_not_end_the_listening(outbox, serving):
    calls = []

    def answer(payload):
        calls.append(payload)
        if len(calls) == 1:
            raise ZeroDivisionError
        return {"ok": True}

    serving(answer)
    with pytest.raises(WorkError):
        ask(outbox, {})
    with socket.socket(socket.AF_UNIX) as rude:
        rude.connect(str(path_beside(outbox)))
    assert ask(outbox, {}) == {"ok": True}


def test_a_socket_that_a_dead_device_left_is_replaced_and_removed_at_the_end(outbox, serving):
    path_beside(outbox).write_text("left behind")
    control = serving(lambda _: {"ok": True})
    assert ask(outbox, {}) == {"ok": True}
    control.close()
    assert not path_beside(outbox).exists()


def test_a_path_too_long_for_a_socket_only_costs_the_local_command(tmp_path, caplog):
    control = Control(tmp_path / ("x" * 200), lambda _: {})
    control.start()
    control.close()
    assert "cannot reach this device" in caplog.text
