"""Certificates that a process's settings name, and when they expire."""

import math
from collections.abc import Collection
from pathlib import Path

import structlog
from cryptography import x509

from chassis import metrics
from chassis.config import Settings

log = structlog.get_logger()

_SUFFIXES = ("_cert_file", "_ca_file")


def observe(settings: Settings, *, of_others: Collection[str] = ()) -> None:
    """Tell by setting when each certificate expires.

    `file` is the file as it is at each scrape, which servers here show at the next handshake;
    `held` what it was when the process began, which its connections as a client go on with.
    Those of the settings `of_others` are shown by others, so nothing of them is held.
    NaN while a file cannot be read, which is logged once.
    """
    for name in type(settings).model_fields:
        path: Path | None = getattr(settings, name)
        if path is None or not name.endswith(_SUFFIXES):
            continue
        expiry = _Expiry(name, path)
        metrics.certificate_expiry.labels(name, "file").set_function(expiry)
        if name not in of_others:
            metrics.certificate_expiry.labels(name, "held").set(expiry())


class _Expiry:
    """When the first certificate of a file expires, as Unix time; the file is read at each call."""

    def __init__(self, setting: str, path: Path) -> None:
        self._setting = setting
        self._path = path
        self._is_readable = True

    def __call__(self) -> float:
        try:
            found = x509.load_pem_x509_certificates(self._path.read_bytes())
        except (OSError, ValueError) as error:
            if self._is_readable:
                why = type(error).__name__
                log.warning("certificate_unreadable", setting=self._setting, error=why)
            self._is_readable = False
            return math.nan
        self._is_readable = True
        return min(it.not_valid_after_utc for it in found).timestamp()
