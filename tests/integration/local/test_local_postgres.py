"""The embedded PostgreSQL: who may enter, what survives, where it may live."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from local import ports
from local.postgres import Postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    closed = tmp_path_factory.mktemp("closed parent")
    closed.chmod(0o700)
    made = Postgres(closed / "data of mine", password="s'3 cr:et@/")
    made.start()
    yield made
    made.stop()


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


class TestServer:
    def test_it_lives_under_a_closed_parent_in_a_path_with_spaces(self, server: Postgres):
        with connect(server.url("postgres")) as connection:
            row = connection.execute("select current_setting('data_directory')").fetchone()

        assert row == (str(server.directory),)
        assert stat.S_IMODE(server.directory.parent.stat().st_mode) == 0o700

    def test_it_commits_to_disk(self, server: Postgres):
        with connect(server.url("postgres")) as connection:
            row = connection.execute(
                "select current_setting('fsync'), current_setting('synchronous_commit')"
            ).fetchone()

        assert row == ("on", "on")

    def test_it_refuses_a_wrong_password(self, server: Postgres):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(server.url("postgres", password="wrong"))

    def test_a_row_survives_its_kill(self, server: Postgres):
        server.create_database("survivor")
        with connect(server.url("survivor")) as connection:
            connection.execute("create table kept as select 42 as answer")

        server.kill()
        server.start()

        with connect(server.url("survivor")) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)

    def test_a_pid_file_that_names_another_process_does_not_stop_it(self, server: Postgres):
        server.stop()
        (server.directory / "postmaster.pid").write_text(f"{os.getpid()}\n{server.directory}\n")

        server.start()

        assert server.pid is not None

    def test_it_ends_when_its_parent_is_killed(self, tmp_path: Path):
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(tmp_path / "data")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert ports.answers(port)

        parent.kill()
        parent.communicate()

        deadline = time.monotonic() + 20
        while ports.answers(port) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not ports.answers(port)


class TestCreateDatabase:
    def test_its_role_owns_it_and_is_no_superuser(self, server: Postgres):
        server.create_database("leads", role="leads", password="a'b")

        with connect(server.url("leads", role="leads", password="a'b")) as connection:
            connection.execute("create extension unaccent")
            connection.execute("create extension pg_trgm")
            row = connection.execute("select rolsuper from pg_roles where rolname = 'leads'")
            assert row.fetchone() == (False,)

    def test_made_again_it_keeps_its_rows_and_takes_the_new_password(self, server: Postgres):
        server.create_database("again", role="again", password="one")
        with connect(server.url("again", role="again", password="one")) as connection:
            connection.execute("create table kept ()")

        server.create_database("again", role="again", password="two")

        with connect(server.url("again", role="again", password="two")) as connection:
            assert connection.execute("select count(*) from kept").fetchone() == (0,)


PARENT = """
import signal, sys
from pathlib import Path
from local import ports
from local.postgres import Postgres
server = Postgres(Path(sys.argv[1]), password="x")
server.start()
print(server.port, flush=True)
signal.pause()
"""
