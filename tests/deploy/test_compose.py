"""The containers: a file that compose understands, images that stay what they are, and nothing without a check."""

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from sqlalchemy import make_url

from hub import ca, logins
from hub.config import load
from moments.enrolment import split_address
from moodscape.cli import main
from tests.parts import answers, free_port, program, wait_until
from tests.secured import plugin

DEPLOY = Path(__file__).parents[2] / "deploy"
PROFILES = ("postgres", "influx", "grafana")
ONCE = ("certificates", "logins")
_PLUGIN = "/usr/lib/mosquitto_dynamic_security.so"


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """What compose makes of the file with every profile."""
    return _described(tmp_path_factory.mktemp("compose") / "deploy")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """The same, where the hub is to use what the profiles start."""
    return _described(tmp_path_factory.mktemp("compose") / "deploy", uncommented=True)


def _described(folder, *, uncommented=False):
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns(".env", "secrets"))
    subprocess.run([folder / "compose-env.sh", "hub.local"], check=True)
    if uncommented:
        settings = (folder / ".env").read_text()
        assert settings.count("# MOODSCAPE_") == 2
        (folder / ".env").write_text(settings.replace("# MOODSCAPE_", "MOODSCAPE_"))
    ran = subprocess.run(
        [program("docker-compose"), "-f", "compose.yaml", *(f"--profile={name}" for name in PROFILES), "config"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert ran.returncode == 0, ran.stderr
    return folder, yaml.safe_load(ran.stdout)


@pytest.mark.needs("docker-compose")
def test_images_are_pinned_and_bounded_and_what_stays_up_is_checked(described):
    _, file = described
    for name, service in file["services"].items():
        version = service["image"].partition(":")[2]
        assert version[:1].isdigit() or "build" in service, name
        if name not in ONCE:
            assert {"healthcheck", "restart", "logging"} <= set(service), name


def test_who_starts_the_containers_again_after_an_upgrade_gets_the_newer_hub():
    told = [
        line
        for page in (DEPLOY / "compose.yaml", DEPLOY.parent / "docs" / "install.md", DEPLOY.parent / "README.md")
        for line in page.read_text().splitlines()
        if re.search(r"\bcompose .*\bup\b", line)
    ]
    assert len(told) >= 3
    assert all("up -d --build" in line for line in told)


@pytest.mark.needs("docker-compose")
def test_only_tls_ports_are_open_to_others_and_no_password_is_a_default(described):
    _, file = described
    ports = [port for service in file["services"].values() for port in service.get("ports", [])]
    assert {port for port in ports if isinstance(port, str)} == {"127.0.0.1:3000:3000/tcp"}
    assert {port["published"] for port in ports if isinstance(port, dict)} == {8443, 8883}
    for service in file["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if name.endswith(("PASSWORD", "TOKEN")):
                assert len(value) >= 32


@pytest.mark.needs("docker-compose")
def test_no_password_or_token_stands_among_the_words_of_a_command(everything):
    folder, file = everything
    made = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines() if line[0] != "#")
    secret = [value for name, value in made.items() if name.endswith(("PASSWORD", "TOKEN"))]
    assert len(secret) == 5
    for name, service in file["services"].items():
        for words in (service.get("command"), service.get("entrypoint"), service.get("healthcheck")):
            assert not any(value in str(words) for value in secret), name
    assert file["services"]["hub"]["environment"]["PGPASSWORD"] == made["POSTGRES_PASSWORD"]


@pytest.mark.needs("docker-compose")
def test_the_hub_understands_every_setting_that_it_is_given(described, everything):
    (_, file), (_, full) = described, everything
    hub = file["services"]["hub"]
    config, *given = hub["command"][1:]
    (there,) = [from_ for from_, to, *_ in (v.split(":") for v in hub["volumes"]) if config == f"--config={to}"]
    settings = load(Path(there), [word.removeprefix("--set=") for word in given])
    assert not settings.http.open
    assert settings.store.url is None
    settings = load(Path(there), [word.removeprefix("--set=") for word in full["services"]["hub"]["command"][2:]])
    assert make_url(settings.store.url).host == "postgres"
    assert urlsplit(settings.influx.url).hostname == "influxdb"


@pytest.mark.needs("docker-compose")
def test_no_device_ends_the_hubs_session_by_guessing_its_name(described):
    _, file = described
    given = [word.removeprefix("--set=") for word in file["services"]["hub"]["command"] if word.startswith("--set=")]
    assert re.fullmatch("hub-[0-9a-f]{16}", load(DEPLOY / "hub.compose.yaml", given).broker.client_id)


def test_no_check_shows_a_password_among_the_words_of_a_command(tmp_path):
    _, check = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["broker"]["healthcheck"]["test"]
    (tmp_path / "hub.password").write_text("secret\n")
    shown = tmp_path / "mosquitto_sub"
    shown.write_text('#!/bin/sh\necho "$@"\ncat "$XDG_CONFIG_HOME/mosquitto_sub"\n')
    shown.chmod(0o755)
    options = tmp_path / "options"
    options.mkdir()
    for there, here in {
        "$$": "$",
        "/secrets": str(tmp_path),
        "/tmp/mosq": f"{options}/mosq",
        "=/tmp": f"={options}",
    }.items():
        assert there in check
        check = check.replace(there, here)
    path = f"{tmp_path}:{os.environ['PATH']}"
    said = subprocess.run(["/bin/sh", "-c", check], capture_output=True, text=True, env={"PATH": path}, check=True)
    words, *read = said.stdout.splitlines()
    assert "secret" not in words
    assert read == ["-u hub", "-P secret"]
    assert (options / "mosquitto_sub").stat().st_mode & 0o777 == 0o600


@pytest.mark.needs("docker-compose")
def test_an_enrolled_device_is_sent_to_the_broker_by_the_name_that_this_machine_has_for_others(described):
    _, file = described
    given = [word.removeprefix("--set=") for word in file["services"]["hub"]["command"] if word.startswith("--set=")]
    settings = load(DEPLOY / "hub.compose.yaml", given)
    name, port = split_address(settings.enrol.broker)
    assert name == "hub.local"
    assert str(port) in {str(listening["published"]) for listening in file["services"]["broker"]["ports"]}
    assert name in file["services"]["certificates"]["command"], "the device checks the broker's certificate by it"


@pytest.mark.needs("docker-compose")
def test_starting_the_containers_again_renews_a_certificate_that_ends_soon_and_no_other(
    described, tmp_path, monkeypatch
):
    _, file = described
    command = [
        re.sub("^--folder=.*", f"--folder={tmp_path}", word) for word in file["services"]["certificates"]["command"]
    ]
    assert f"--folder={tmp_path}" in command
    first = _issued(tmp_path, command)
    assert _issued(tmp_path, command) == first
    with monkeypatch.context() as soon:
        soon.setattr(ca, "_SERVER", timedelta(days=59))
        ending = ca.issue_server(ca.open_authority(tmp_path), tmp_path, command[3:])
    assert _issued(tmp_path, command) != first
    assert ca.ends(tmp_path / "hub.crt") > ending + timedelta(days=300)


def _issued(folder, command):
    """Do what the container does; gives the fingerprint of the certificate that is there then."""
    assert main(["hub", *command]) == 0
    return ca.fingerprint_of(folder / "hub.crt")


@pytest.mark.needs("docker-compose", "mosquitto")
def test_the_hub_reaches_its_broker_over_tls_as_both_are_set(described, tmp_path):
    _, file = described
    names = file["services"]["certificates"]["command"][3:]
    settings = load(DEPLOY / "hub.compose.yaml").broker
    assert {settings.host, "localhost"} <= set(names), "the hub's name for it, and the health checks'"
    ca.prepare(tmp_path / "ca", names)
    (tmp_path / "logins").mkdir()
    (tmp_path / "hub.password").write_text("secret")
    logins_file = logins.up_to_date(logins.write_into(logins.first_file(), "hub", "secret"))
    (tmp_path / "logins" / "logins.json").write_text(json.dumps(logins_file))
    port, text = free_port(), (DEPLOY / "mosquitto" / "compose.conf").read_text()
    assert text.count("listener ") == 1
    text = text.replace("listener 8883", f"listener {port} 127.0.0.1").replace("/secrets/", f"{tmp_path}/")
    (tmp_path / "broker.conf").write_text("user root\n" + text.replace(_PLUGIN, plugin()))
    here = {"host": "localhost", "port": port, "password_file": tmp_path / settings.password_file.name}
    broker = subprocess.Popen([program("mosquitto"), "-c", str(tmp_path / "broker.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        logins.reach_broker(settings.model_copy(update=here | {"ca_file": tmp_path / "ca" / settings.ca_file.name}))
    finally:
        broker.kill()
        broker.wait()


def test_a_second_run_of_the_environment_keeps_its_passwords(tmp_path):
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns(".env", "secrets"))
    subprocess.run([folder / "compose-env.sh", "hub.local"], check=True)
    before = (folder / ".env").read_text()
    for words in (["hub.local"], []):
        subprocess.run([folder / "compose-env.sh", *words], check=True)
    assert (folder / ".env").read_text() == before
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600


def test_another_name_than_that_of_the_environment_is_refused(tmp_path):
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns(".env", "secrets"))
    subprocess.run([folder / "compose-env.sh", "hub.local"], check=True)
    before = (folder / ".env").read_text()
    ran = subprocess.run([folder / "compose-env.sh", "other.local"], capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr == f"moodscape: {folder}/.env says hub.local: change MOODSCAPE_NAME there\n"
    assert (folder / ".env").read_text() == before


def test_an_environment_that_an_older_version_made_gets_what_it_lacks(tmp_path):
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns(".env", "secrets"))
    (folder / ".env").write_text("POSTGRES_PASSWORD=older\n")
    subprocess.run([folder / "compose-env.sh"], check=True)
    first, second = (folder / ".env").read_text().splitlines()
    assert first == "POSTGRES_PASSWORD=older"
    assert re.fullmatch("MOODSCAPE_CLIENT_ID=hub-[0-9a-f]{16}", second)


@pytest.mark.parametrize("begin", ["", "# "])
def test_an_environment_that_an_older_version_made_loses_the_password_that_it_gave_in_a_command(tmp_path, begin):
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns(".env", "secrets"))
    line = f"{begin}MOODSCAPE_STORE_URL=postgresql+psycopg://moodscape{{}}@postgres/moodscape"
    (folder / ".env").write_text(line.format(":aB-_9=") + "\n")
    (folder / ".env").chmod(0o600)
    subprocess.run([folder / "compose-env.sh"], check=True)
    assert line.format("") in (folder / ".env").read_text().splitlines()
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
