from itertools import pairwise

import pytest
import yaml

from moments import yaml_text
from moments.yaml_text import DEEPEST, MOST, NotOne, StandsTwice, TooDeep, TooMuch


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("gps: {port: 1}\nbroker: {}\ngps: {}", 3, "gps"),
        ("gps:\n  port: 1\n  host: a\n  port: 1", 4, "port"),
        ('- {lat: 1, "lat": 2}', 1, "lat"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n  y: 3", 5, "y"),
        ("- 1: one\n  1: uno", 2, "1"),
        ('"a\\nb": 1\n"a\\nb": 2', 2, "a b"),
    ],
)
def test_a_key_that_stands_twice_in_a_mapping_is_told_with_the_line_of_the_second(text, line, key):
    with pytest.raises(StandsTwice) as error:
        yaml_text.load(text)
    assert (error.value.line, str(error.value)) == (line, f"{key} stands twice; put both into one")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: {x: 1}\nb: {x: 1}",
        "- {x: 1}\n- {x: 2}",
        '1: number\n"1": text',
        "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}",
        "a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\nd: *b",
        "a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n  z: 3\nd: {<<: [*a, *b], x: 4}",
    ],
)
def test_all_else_is_read_as_yaml_reads_it_merged_mappings_included(text):
    assert yaml_text.load(text) == yaml.safe_load(text)


@pytest.mark.parametrize("text", ["? [a]\n: 1\n? [a]\n: 2", "a: [", "a: *nowhere"])
def test_what_is_no_yaml_is_told_as_yaml_tells_it(text):
    with pytest.raises(yaml.YAMLError) as theirs:
        yaml.safe_load(text)
    with pytest.raises(type(theirs.value)) as ours:
        yaml_text.load(text)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "a: &a [x, x, x, x]\n"
            + "".join(f"{n}: &{n} [*{o}, *{o}, *{o}, *{o}]\n" for o, n in pairwise("abcdefghij")),
            8,
        ),
        (f"a: &a [{','.join('x' * (MOST // 2))}]\nb: 1\nc: {{<<: *a}}\nd: *a", 3),
        (f"- &a {{k: [{','.join('x' * 100)}]}}\n" + "- {<<: *a}\n" * MOST, 477),
        (f"\n[{','.join('x' * MOST)}]", 2),
        ("a: &a\n  b: *a", 2),
    ],
)
def test_a_text_that_stands_for_more_than_anybody_writes_is_refused_with_its_line(text, line):
    with pytest.raises(TooMuch) as error:
        yaml_text.load(text)
    assert error.value.line == line


def nested(levels):
    return "\n" + "[" * levels + "x" + "]" * levels


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (nested(DEEPEST + 1), 2),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), 1),
        ("[" * 10_000, 1),
        ("{a: " * 10_000, 1),
        ("- " * 10_000 + "x", 1),
        ("? " * 10_000 + "x", 1),
        ("!!omap " + "[" * 10_000, 1),
        ("".join(f"{' ' * level}a:\n" for level in range(600)), DEEPEST + 1),
    ],
)
def test_what_stands_in_more_than_anybody_writes_is_refused_with_its_line(text, line):
    with pytest.raises(TooDeep, match=f"more than {DEEPEST} lists and mappings") as error:
        yaml_text.load(text)
    assert error.value.line == line


@pytest.mark.parametrize("text", [nested(DEEPEST), "{a: " * DEEPEST + "1" + "}" * DEEPEST])
def test_what_stands_as_deep_as_may_be_is_read(text):
    assert yaml_text.load(text)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("!!timestamp x", "timestamp"),
        ("!!bool x", "bool"),
        ("!!int ''", "int"),
        ("!!float ''", "float"),
        ("1" + ":59" * 400 + ".5", "float"),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_refused_with_its_line(value, kind):
    with pytest.raises(NotOne, match=f"a {kind} that is none") as error:
        yaml_text.load(f"a: 1\nb: [{value}]")
    assert error.value.line == 2


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("My #1/hub.db", "My #1/hub.db"),
        ("file:Take #3.ogg", "file:Take #3.ogg"),
        ("a: b", "a: b"),
        ("null", None),
        ("8080", 8080),
        ("true", True),
        ("", None),
        ("[1, 2] # two", [1, 2]),
        (" {a: 1}", {"a": 1}),
        ("'a #1'", "a #1"),
    ],
)
def test_a_value_of_a_command_line_is_yaml_but_plain_words_are_taken_whole(text, meant):
    assert yaml_text.value(text) == meant
