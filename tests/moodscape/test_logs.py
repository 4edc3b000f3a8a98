import io
import json
import logging

from moodscape.logs import NoFlood, _Json, _Text


def record(message: str, level: int = logging.WARNING, **fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "edge.publish", "levelno": level, "levelname": "WARNING", "msg": message})
    vars(made).update(fields)
    return made


def test_fields_stand_beside_the_message():
    assert _Text().format(record("broker lost", retry_s=4)) == "warning edge.publish: broker lost retry_s=4"


def test_json_is_one_object_a_line():
    event = json.loads(_Json().format(record("broker lost", retry_s=4)))
    assert (event["message"], event["retry_s"]) == ("broker lost", 4)


def test_a_message_that_repeats_is_written_once_a_minute_with_its_count():
    now = [0.0]
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(NoFlood(lambda: now[0]))
    for second in range(61):
        now[0] = float(second)
        handler.handle(record("disk is full"))
    assert out.getvalue().splitlines() == ["disk is full", "disk is full (and 59 times more)"]


def test_what_is_no_warning_is_never_held_back():
    flood = NoFlood(lambda: 0.0)
    assert all(flood.filter(record("moment stored", logging.INFO)) for _ in range(10))
