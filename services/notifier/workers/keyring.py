"""Keeps the keys that mails are signed with as they lie in their folder."""

import asyncio
import time
from pathlib import Path

import structlog

from chassis.config import SettingsError
from services.notifier.channels import dkim
from services.notifier.workers import metrics

LOOK_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Keyring:
    """The keys of a folder, looked at again every two seconds while somebody asks."""

    def __init__(self, path: Path | None) -> None:
        """Raises `SettingsError` that names the file nobody can use."""
        self._folder = dkim.Folder(path)
        self._look_at = 0.0
        self._trouble = ""
        self._told = False
        if path is not None:
            metrics.dkim_keys.set(len(self.keys))

    @property
    def keys(self) -> dkim.Keys:
        """The newest that could be used."""
        return self._folder.keys

    async def renew(self, *, at: float | None = None) -> bool:
        """Looks at the folder if it is time (`at`, monotonic seconds); whether keys changed."""
        now = time.monotonic() if at is None else at
        if self._folder.path is None or now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        try:
            # In a thread: a folder may be far away, and an RSA key takes long to check.
            changed = await asyncio.to_thread(self._folder.look)
        except SettingsError as wrong:
            self._note(str(wrong))
            return False
        self._trouble, self._told = "", False
        metrics.dkim_trouble.set(0)
        if changed:
            metrics.dkim_keys.set(len(self.keys))
            # Without any, mails go unsigned.
            tell = log.info if self.keys else log.warning
            tell("dkim_keys_changed", keys=self.keys.names)
        return changed

    def _note(self, trouble: str) -> None:
        """Tells of a trouble that is there for a second time, once.

        What is seen but once may be a folder whose files are being exchanged.
        """
        if trouble != self._trouble:
            self._trouble, self._told = trouble, False
        elif not self._told:
            self._told = True
            metrics.dkim_trouble.set(1)
            log.warning("dkim_keys_unusable", trouble=trouble, kept=self.keys.names)
