"""gunicorn, embedded: one serving process with threads, watched by a small one that restarts it."""

import logging as stdlib_logging
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers import gthread

from chassis import certificates, logging
from services.gateway import patience
from services.gateway.config import Settings

log = structlog.get_logger()


class Quiet(Logger):  # type: ignore[misc]
    """gunicorn's troubles in the shape of our own log; its small talk is left out."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to the root logger."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(stdlib_logging.WARNING)


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """The serving process; it says that it is not ready before it stops to listen.

    No thread waits for a client that says nothing, and none for long for a slow one.
    """

    def handle(self, conn: Any) -> Any:
        """Serve one request of a connection, once there is something to read."""
        if not isinstance(conn.sock, patience.Connection):
            settings = self.app.settings
            conn.sock = patience.Connection(
                conn.sock,
                receive_seconds=settings.receive_seconds,
                send_seconds=settings.send_seconds,
            )
        if not conn.initialized and not conn.wait_for_data(0):
            return gthread._DEFER
        conn.sock.expect_head()
        kept = super().handle(conn)
        if not kept:
            # Left to the caller, waiting for the other side would hold up everybody.
            conn.close(graceful=True)
        return kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head is here."""
        conn.sock.expect_body()
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Whether another request may follow; none does behind a body that cannot be read.

        The request was answered by then: a second answer would be taken for that of the next.
        """
        try:
            return bool(super()._keepalive_after(conn, keepalive))
        except ParseException:
            return False

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Begin the graceful stop."""
        self.app.stopping()
        super().handle_exit(sig, frame)


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the application; it is imported and made in the serving process only."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._ops: Any = None
        super().__init__()

    def load_config(self) -> None:
        """Turn the settings into gunicorn's."""
        settings = self.settings
        options = {
            "bind": [settings.listen],
            "workers": 1,
            "worker_class": Worker,
            "threads": settings.threads,
            "timeout": 60,
            "graceful_timeout": max(1, int(settings.shutdown_grace_seconds)),
            "keepalive": 15,
            "accesslog": None,
            "logger_class": Quiet,
            "control_socket_disable": True,
            "limit_request_line": 8190,
            "limit_request_fields": 64,
            "limit_request_field_size": 16_384,
            "forwarded_allow_ips": "",
            "when_ready": self._ready,
            "worker_exit": self._worker_exit,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application and begin to answer probes; runs after the fork."""
        from services.gateway import app, metrics, ops

        logging.configure(self.settings, "gateway")
        metrics.describe()
        certificates.observe(self.settings, of_others=("public_tls_cert_file",))
        application = app.create(self.settings)
        peers = application.extensions["gateway"].peers
        self._ops = ops.Ops(self.settings.http_listen, peers.states)
        self._ops.start()
        log.info("started", http_port=self._ops.port)
        return application

    def _ready(self, arbiter: Any) -> None:
        ports = [listener.sock.getsockname()[1] for listener in arbiter.LISTENERS]
        log.info("listening", ports=ports)

    def stopping(self) -> None:
        """Say not ready from now on."""
        if self._ops is not None:
            self._ops.stop()

    def _worker_exit(self, _: Any, __: Any) -> None:
        if self.callable is not None:
            self.callable.extensions["gateway"].peers.close()
        log.info("stopped")
