from pathlib import Path

import pytest
from pydantic import ValidationError

from moments.encryption import Encryption

CA, CERT, KEY = (Path(f"/etc/moodscape/{name}") for name in ("ca.crt", "pocket.crt", "pocket.key"))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"tls": True},
        {"tls": True, "ca_file": CA},
        {"tls": True, "cert_file": CERT},  # which may hold the key too
        {"tls": True, "ca_file": CA, "cert_file": CERT, "key_file": KEY},
    ],
)
def test_certificates_go_with_tls(said):
    assert Encryption(**said).tls == bool(said)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"ca_file": CA}, "ca_file is of use with tls only: set tls to true, or ca_file to null"),
        ({"tls": False, "cert_file": CERT, "key_file": KEY}, "cert_file is of use with tls only"),
        ({"tls": True, "key_file": KEY}, "key_file is the key of cert_file, which is missing"),
    ],
)
def test_certificates_that_would_protect_nothing_are_refused(said, why):
    with pytest.raises(ValidationError, match=why):
        Encryption(**said)
