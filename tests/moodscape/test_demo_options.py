"""What the demo may be asked for."""

import pytest

from moodscape.cli import main


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--port", "99999"], "99999 is no port: give 1 to 65535"),
        (["--port", "-5"], "-5 is no port"),
        (["--once", "--microphone"], "not allowed with"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(capsys, options, says):
    with pytest.raises(SystemExit) as left:
        main(["demo", *options])
    assert left.value.code == 2
    assert says in capsys.readouterr().err
