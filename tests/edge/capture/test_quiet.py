"""What C libraries say is kept from standard error, and standard error always comes back."""

import os
import subprocess
import sys
import threading

import pytest

from edge.capture.ears import DriverHangs, Ears
from edge.capture.quiet import c_libraries_loud, c_libraries_quiet


def say(text):
    os.write(2, f"{text}\n".encode())  # past Python, as a C library does


def test_what_is_said_inside_is_not_heard_and_what_is_said_after_it_is(capfd):
    say("before")
    with c_libraries_quiet():
        say("inside")
    say("after")
    assert capfd.readouterr().err.split() == ["before", "after"]


def test_standard_error_comes_back_when_the_last_thread_leaves(capfd):
    first_left, entered = threading.Event(), threading.Event()

    def stay():
        with c_libraries_quiet():
            entered.set()
            first_left.wait(10)
            say("inside")

    second = threading.Thread(target=stay)
    with c_libraries_quiet():
        second.start()
        entered.wait(10)
    first_left.set()
    second.join()
    say("after")
    assert capfd.readouterr().err.split() == ["after"]


def test_it_is_given_back_although_someone_is_still_inside(capfd):
    with c_libraries_quiet():
        c_libraries_loud()
        say("loud")
    say("after")
    with c_libraries_quiet():
        say("inside")
    assert capfd.readouterr().err.split() == ["loud", "after"]


def test_a_driver_that_hangs_inside_does_not_take_the_log_with_it(capfd, monkeypatch):
    monkeypatch.setattr("edge.capture.ears.OPENS_WITHIN_S", 0.1)
    inside, over = threading.Event(), threading.Event()

    def hang():
        with c_libraries_quiet():
            inside.set()
            over.wait(10)
        raise OSError

    ears = Ears(hang)
    with pytest.raises(DriverHangs):
        next(iter(ears.blocks()))
    assert inside.is_set()
    say("the device starts anew")
    child = "import os; os.write(2, b'anew\\n')"
    subprocess.run([sys.executable, "-c", child], check=True)  # has what descriptor 2 is, as a new start has
    over.set()
    assert capfd.readouterr().err.split("\n")[:2] == ["the device starts anew", "anew"]
