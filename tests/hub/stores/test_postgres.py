"""What only PostgreSQL needs."""

import pytest

from hub.stores.postgres import Postgres


@pytest.mark.parametrize(
    ("login", "around", "given"), [("me:inside", "outside", "inside"), ("me", "outside", "outside"), ("me", None, "")]
)
def test_a_backup_gives_the_password_to_pg_dump_and_to_nobody_who_looks_on(tmp_path, monkeypatch, login, around, given):
    dump = tmp_path / "pg_dump"
    dump.write_text('#!/bin/sh\necho "$*" > "${2#--file=}"\necho "$PGPASSWORD" >> "${2#--file=}"\n')
    dump.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if around is None:
        monkeypatch.delenv("PGPASSWORD", raising=False)
    else:
        monkeypatch.setenv("PGPASSWORD", around)
    Postgres(f"postgresql+psycopg://{login}@box/moodscape").backup(tmp_path / "copy")
    words, password = (tmp_path / "copy").read_text().splitlines()
    assert password == given
    assert words.endswith(" postgresql://me@box/moodscape")
