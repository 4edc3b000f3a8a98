"""The short form of `make fuzz`, and what it has found."""

import copy
import json

import pytest

from tests.fuzz.__main__ import run
from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import ANSWER, OnTheDevice, Receiver


def test_no_parser_of_foreign_bytes_crashes_on_a_few_thousand_wrong_inputs():
    found = run(4000, dice=1)
    assert {name: list(each.crashes) for name, each in found.items() if each.crashes} == {}
    assert sum(each.inputs for each in found.values()) >= 3500


def test_the_same_dice_make_the_same_inputs_and_few_are_the_seed():
    seeds = (b'{"id": "c1", "do": "ping"}',)
    first, second = Mutator(seeds, 7), Mutator(seeds, 7)
    made = [first.next() for _ in range(200)]
    assert made == [second.next() for _ in range(200)]
    assert made.count(seeds[0]) < 20


def test_an_id_that_is_none_in_stored_does_not_end_the_device(tmp_path):
    device = OnTheDevice(tmp_path)
    device.stored(b'{"ids": ["not-an-id", "", "{0196F3C2-8F0E-7C1A-9A52-6D0F4F1E2B33}"]}')
    assert device.device.outbox.depth == 0
    device.device.outbox.close()


@pytest.mark.parametrize("year", [1970, 9999])
def test_a_receiver_that_tells_an_impossible_year_sets_no_clock(year):
    receiver = Receiver()
    receiver.answer(json.dumps(ANSWER).encode())  # the first may be of any age, and is none that counts
    answer = copy.deepcopy(ANSWER)
    answer["tpv"][0]["time"] = f"{year}-12-31T23:59:59.900Z"
    receiver.answer(json.dumps(answer).encode())
    assert receiver.places.fix is not None
    assert receiver.clock.look() == "free"
