"""The OpenAPI document says how each call is made, by an example of everything that can be given."""

import hashlib

import pytest

from hub.api import documented
from hub.api.app import create_app
from hub.query.filter import parse
from hub.query.summary import read_by


@pytest.fixture
def document(store):
    return create_app(store).openapi()


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
