"""gunicorn, embedded: one serving process with threads, watched by a small one that restarts it."""

import logging as stdlib_logging
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from chassis import logging
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


class Worker(ThreadWorker):  # type: ignore[misc]
    """The serving process; it says that it is not ready before it stops to listen."""

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """Begin the graceful stop."""
        self.app.stopping()
        super().handle_exit(sig, frame)


class Server(BaseApplication):  # type: ignore[misc]
    """Serves the application; it is imported and made in the serving process only."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ops: Any = None
        super().__init__()

    def load_config(self) -> None:
        """Turn the settings into gunicorn's."""
        settings = self._settings
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

        logging.configure(self._settings, "gateway")
        metrics.describe()
        application = app.create(self._settings)
        peers = application.extensions["gateway"].peers
        self._ops = ops.Ops(self._settings.http_listen, peers.states)
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
