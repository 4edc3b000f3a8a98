"""The page about security names tests that exist, and leaves no provision out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
_PROVISIONS = {"5.1": 5, "5.2": 3, "5.3": 16, "5.4": 4, "5.5": 8, "5.6": 9, "5.7": 2, "5.8": 3, "5.9": 3}
_PROVISIONS |= {"5.10": 1, "5.11": 4, "5.12": 3, "5.13": 1, "6": 5}
"""How many provisions each section of EN 303 645 V2.1.1 has."""


def test_every_provision_has_its_row():
    rows = re.findall(r"^\| (\d+(?:\.\d+)?-\d+) ", PAGE, re.MULTILINE)
    assert rows == [f"{section}-{n}" for section, many in _PROVISIONS.items() for n in range(1, many + 1)]


def test_every_test_that_the_page_names_is_there():
    named = re.findall(r"(tests/\S+\.py)::(test_\w+)", PAGE)
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]
    assert named
    assert missing == []
