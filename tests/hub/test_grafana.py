"""The dashboards that ship ask what the stores can answer, and the answers are right."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import insert, text

from hub.config import Influx
from hub.influx.feeder import Feeder
from hub.influx.server import Server
from hub.metrics import Metrics
from hub.stores.tables import counters
from moments import EMOTIONS, UNCLEAR, Scene
from tests.hub.moments import START, make
from tests.influx import InfluxDB

GRAFANA = Path(__file__).parents[2] / "deploy/grafana"
SQL, INFLUX = (json.loads((GRAFANA / f"dashboards/{name}.json").read_text()) for name in ("sql", "influx"))
FROM, TO = START - timedelta(hours=1), START + timedelta(hours=5)


def asked(board, title):
    """The target of the panel with this title."""
    (panel,) = (panel for panel in board["panels"] if panel["title"] == title)
    return panel["targets"][0]


def filled(store):
    felt = [*EMOTIONS, UNCLEAR]
    rain = Scene(label="rain", group="weather", confidence=0.9)
    store.take([make(emotion=emotion, start=START + timedelta(minutes=20 * n)) for n, emotion in enumerate(felt)])
    store.take([make(start=START, scene=rain, place=None, seconds=30.0), make(start=START - timedelta(days=2))])


@pytest.mark.parametrize("board", [SQL, INFLUX], ids=["sql", "influx"])
def test_every_panel_asks_a_data_source_that_is_provisioned(board):
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/moodscape.yaml").read_text())["datasources"]
    known = {(source["type"], source["uid"]) for source in provisioned}
    for panel in board["panels"]:
        for asks in (panel, *panel["targets"]):
            assert (asks["datasource"]["type"], asks["datasource"]["uid"]) in known


def rows(store, title):
    span = {"$__from": FROM, "$__to": TO}
    sql = asked(SQL, title)["rawSql"]
    for name, at in span.items():
        sql = sql.replace(name, str(round(at.timestamp() * 1000)))
    with store.reading() as connection:
        return [row._asdict() for row in connection.execute(text(sql))]


def test_the_sql_dashboard_shows_what_is_in_the_span(any_store):
    filled(any_store)
    hours = rows(any_store, "Emotions by the hour")
    assert sum(row["value"] for row in hours) == 10
    assert {row["metric"]: row["value"] for row in hours if row["metric"] != "happiness"} == dict.fromkeys(
        {*EMOTIONS, UNCLEAR} - {"happiness"}, 1
    )
    assert hours[0]["time"] == START.timestamp() // 3600 * 3600
    plane = rows(any_store, "Valence and arousal")
    assert len(plane) == len({row["time"] for row in plane})
    assert all(abs(row["valence"] - 0.58) < 1e-9 and abs(row["arousal"] - 0.31) < 1e-9 for row in plane)
    assert [(row["scene"], row["moments"]) for row in rows(any_store, "Scenes")] == [("cafe", 9), ("rain", 1)]
    places = rows(any_store, "Places")
    assert len(places) == 9
    assert {row["emotion"] for row in places} == {*EMOTIONS, UNCLEAR}
    assert [row["device"] for row in rows(any_store, "Devices")] == ["pocket-1"]


@pytest.mark.needs("influxd", "nginx")
def test_the_influx_dashboard_shows_what_is_in_the_span(store):
    filled(store)
    database = InfluxDB().start()
    server = Server(Influx(url=database.url))
    try:
        server.make()
        with store.writing() as connection:
            connection.execute(insert(counters).values(name="influx", value=0))
        feeding = Feeder(store, server, Metrics(), allow_undeletable=False)
        while feeding.step():
            pass
        span = f"time >= '{FROM.astimezone().isoformat()}' AND time < '{TO.astimezone().isoformat()}'"

        def answered(title):
            query = asked(INFLUX, title)["query"].replace("$timeFilter", span).replace("$__interval", "1h")
            return server.ask(query)

        emotions = answered("Emotions")
        counts = {series["tags"]["emotion"]: sum(value for _, value in series["values"]) for series in emotions}
        assert counts == dict.fromkeys({*EMOTIONS, UNCLEAR} - {"happiness"}, 1) | {"happiness": 2}
        (plane,) = answered("Valence and arousal")
        assert plane["columns"] == ["time", "valence", "arousal"]
        assert {series["tags"]["scene"]: series["values"][0][1] for series in answered("Scenes")} == {
            "cafe": 9,
            "rain": 1,
        }
        (places,) = answered("Places")
        assert len(places["values"]) == 10  # a moment without a place has no coordinates, and is not drawn
        assert sum(row[1] is None for row in places["values"]) == 1
    finally:
        server.close()
        database.stop()
        shutil.rmtree(database.folder)
