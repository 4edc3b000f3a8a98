"""Certificates for the home network: made, renewed, trusted by name."""

import ssl
import stat

import httpx
import pytest

from hub import ca
from hub.ca import open_authority, prepare, write_whole
from moments.errors import UserError
from moodscape.cli import main
from tests.e2e.processes import moodscape, settings
from tests.parts import free_port, wait_until


def test_an_authority_is_made_once_and_its_certificate_renewed(tmp_path):
    folder = tmp_path / "ca"
    first, until, made = prepare(folder, ["box.local", "192.168.1.5"])
    certificate = (folder / "hub.crt").read_bytes()
    second, _, again = prepare(folder, ["box.local"])
    assert (made, again) == (True, False)
    assert first.fingerprint == second.fingerprint
    assert (folder / "hub.crt").read_bytes() != certificate
    assert ca.ends(folder / "hub.crt") >= until
    for name in ("ca.key", "hub.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_certificate_is_renewed_for_the_names_it_had_and_only_when_it_ends_soon(tmp_path, capsys):
    there = tmp_path / "hub.crt"

    def renew(*words):
        assert main(["hub", "ca", "--folder", str(tmp_path), *words]) == 0
        return there.read_bytes()

    first = renew("box", "box.local", "192.168.1.5")
    assert ca.names_of(there) == ["box", "box.local", "192.168.1.5"]
    assert ca.best_name(there) == "box.local"
    assert renew("--days", "60") == first
    assert "holds until" in capsys.readouterr().out
    second = renew("--days", "400")
    assert second != first
    assert ca.names_of(there) == ["box", "box.local", "192.168.1.5"]
    assert renew("--days", "60", "192.168.1.5", "box") != second
    assert ca.best_name(there) == "192.168.1.5"


def test_a_wildcard_is_no_name_by_which_a_device_finds_the_hub(tmp_path):
    there = tmp_path / "hub.crt"
    prepare(tmp_path, ["*.home.example", "box", "hub.home.example"])
    assert ca.best_name(there) == "hub.home.example"
    prepare(tmp_path, ["*.home.example", "box"])
    assert ca.best_name(there) == "box"
    prepare(tmp_path, ["*.home.example"])
    with pytest.raises(UserError, match="names no one machine"):
        ca.best_name(there)


@pytest.mark.parametrize("name", ["", "a b", "http://box", "box.local:8080", "-box"])
def test_what_is_no_name_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="is no name or address"):
        prepare(tmp_path / "ca", ["box", name])
    assert not (tmp_path / "ca").exists(), "nothing is made by a call that is refused"


def test_an_authority_whose_making_was_cut_off_is_made_anew(tmp_path, monkeypatch):
    def cut(path, data, mode):
        if path.name == "ca.crt":
            raise KeyboardInterrupt
        write_whole(path, data, mode)

    with monkeypatch.context() as cutting:
        cutting.setattr(ca, "write_whole", cut)
        with pytest.raises(KeyboardInterrupt):
            prepare(tmp_path, ["box"])
    assert [file.name for file in tmp_path.iterdir()] == ["ca.key"]
    assert main(["hub", "ca", "--folder", str(tmp_path), "box"]) == 0
    assert open_authority(tmp_path).fingerprint == ca.fingerprint_of(tmp_path / "ca.crt").hex()


def test_an_authority_whose_key_is_away_is_left_and_told_with_the_remedy(tmp_path):
    prepare(tmp_path, ["box"])
    (tmp_path / "ca.key").unlink()
    before = (tmp_path / "ca.crt").read_bytes()
    with pytest.raises(UserError, match=r"ca\.key cannot be read .* put it back, or remove ca\.crt"):
        prepare(tmp_path, ["box"])
    assert (tmp_path / "ca.crt").read_bytes() == before


def test_a_key_of_another_authority_is_noticed(tmp_path):
    prepare(tmp_path / "a", ["box"])
    prepare(tmp_path / "b", ["box"])
    (tmp_path / "b" / "ca.key").replace(tmp_path / "a" / "ca.key")
    with pytest.raises(UserError, match=r"is not that of ca\.crt"):
        open_authority(tmp_path / "a")


def test_the_hub_serves_https_that_a_browser_which_trusts_the_authority_takes(tmp_path):
    prepare(tmp_path, ["localhost", "127.0.0.1"])
    port = free_port()
    values = settings(
        http__port=port,
        http__cert_file=tmp_path / "hub.crt",
        http__key_file=tmp_path / "hub.key",
        broker__port=free_port(),
        store__path=tmp_path / "hub.db",
    )
    log = tmp_path / "hub.log"
    process = moodscape("hub", "run", *values, log=log)
    try:
        wait_until(lambda: f"The hub: https://127.0.0.1:{port}" in log.read_text(), 60)
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        with httpx.Client(verify=context, base_url=f"https://localhost:{port}", timeout=20) as client:
            wait_until(lambda: client.get("/healthz").status_code == 200, 30)
            assert client.get("/ca.crt").content == (tmp_path / "ca.crt").read_bytes()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"https://localhost:{port}/healthz", timeout=20)
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_half_of_a_certificate_is_refused(tmp_path):
    log = tmp_path / "hub.log"
    process = moodscape("hub", "run", *settings(http__cert_file=tmp_path / "hub.crt", http__port=free_port()), log=log)
    assert process.wait(60) == 2
    assert "http.cert_file and http.key_file go together" in log.read_text()
