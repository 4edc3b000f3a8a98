"""The OpenAPI document says how each call is made, by an example of everything that can be given."""

import hashlib

import pytest

from hub.api import documented
from hub.api.app import create_app
from hub.query.filter import parse
from hub.query.summary import read_by
from tests.hub.conftest import serving
from tests.hub.moments import make


@pytest.fixture
def document(store):
    return create_app(store).openapi()


@pytest.fixture
def client(store, tmp_path):
    """Calls of a hub that has an authority."""
    (tmp_path / "ca.crt").write_text("an authority")
    with serving(create_app(store, ca_file=tmp_path / "ca.crt")) as made:
        yield made


def operations(document):
    for path, found in document["paths"].items():
        for method, operation in found.items():
            yield f"{method.upper()} {path}", operation


def examples(shape, document):
    """Those of a schema, or of what it refers to."""
    if "$ref" in shape:
        shape = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    return shape.get("examples", [])


def test_every_parameter_has_an_example(document):
    lacking = [
        f"{name}: {one['name']}"
        for name, operation in operations(document)
        for one in operation.get("parameters", [])
        if not one["schema"].get("examples")
    ]
    assert lacking == []


def test_every_body_has_an_example(document):
    lacking = [
        f"{name}: {media_type}"
        for name, operation in operations(document)
        for media_type, body in operation.get("requestBody", {}).get("content", {}).items()
        if not (body.get("example") or examples(body["schema"], document))
    ]
    assert lacking == []


def test_the_examples_of_the_filter_are_ones_that_it_takes(document):
    for one in document["paths"]["/api/summary"]["get"]["parameters"]:
        for example in one["schema"]["examples"]:
            values = example if isinstance(example, list) else [example]
            pairs = [(one["name"], str(value)) for value in values]
            if one["name"] == "by":
                assert read_by(example)
            elif one["name"] != "lang":
                assert parse([*pairs, ("near", "0,0")] if one["name"] == "radius_m" else pairs)


def test_the_hash_of_the_sound_in_the_examples_is_that_of_the_body(document):
    body = document["paths"]["/api/clips/{sha256}"]["put"]["requestBody"]["content"]["application/octet-stream"]
    assert hashlib.sha256(body["example"].encode()).hexdigest() == documented.SOUND


def test_an_error_is_described_as_the_problem_document_that_it_is(client, document):
    assert "HTTPValidationError" not in str(document)
    shape = document["components"]["schemas"]["Problem"]
    problem = client.get("/api/moments?limit=0").json()
    assert set(shape["required"]) <= problem.keys() <= shape["properties"].keys()


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("get", "/api/moments", "/api/moments"),
        ("get", "/api/moments", "/api/moments?limit=0"),
        ("delete", "/api/moments", "/api/moments"),
        ("get", "/api/moments/{moment_id}", f"/api/moments/{documented.MOMENT}"),
        ("get", "/api/moments/{moment_id}", "/api/moments/none"),
        ("put", "/api/moments/{moment_id}/note", f"/api/moments/{documented.MOMENT}/note"),
        ("get", "/api/summary", "/api/summary?by=day"),
        ("get", "/api/summary", "/api/summary?by=age"),
        ("get", "/api/stream", "/api/stream"),
        ("get", "/api/stream", "/api/stream?near=home"),
        ("get", "/api/export", "/api/export?format=csv"),
        ("get", "/api/export", "/api/export?format=ndjson"),
        ("get", "/api/export", "/api/export?format=geojson"),
        ("get", "/api/export", "/api/export?format=parquet"),
        ("get", "/api/export", "/api/export?format=xml"),
        ("post", "/api/records", "/api/records"),
        ("put", "/api/clips/{sha256}", f"/api/clips/{documented.MOMENT}"),
        ("post", "/api/enrol", "/api/enrol"),
        ("get", "/healthz", "/healthz"),
        ("get", "/readyz", "/readyz"),
        ("get", "/metrics", "/metrics"),
        ("get", "/ca.crt", "/ca.crt"),
    ],
)
def test_an_answer_is_of_a_kind_that_the_document_names(client, store, document, method, path, asked):
    store.take([make(id=documented.MOMENT)])
    with client.stream(method, asked) as answer:
        kind, _, _ = answer.headers["content-type"].partition(";")
    named = document["paths"][path][method]["responses"]
    status = str(answer.status_code)
    assert kind in named.get(status, named.get(f"{status[0]}XX"))["content"]
