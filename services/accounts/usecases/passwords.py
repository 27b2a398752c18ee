"""Argon2id in a few threads of its own, so that sign-ins starve nothing else."""

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import argon2
import structlog

from chassis import errors
from services.accounts.domain import fields

# More than this many waiting would outlast their callers' deadlines anyway.
_WAITING_PER_THREAD = 50
# Below everything else of this machine: who signs in waits, nobody else does.
_NICE = 10

log = structlog.get_logger(__name__)


class Passwords:
    """Hashes and checks passwords; raises `ResourceExhausted` when too many wait."""

    def __init__(self, *, memory_kib: int, passes: int, threads: int) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=_give_way)
        self._room = threads * _WAITING_PER_THREAD
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Returns what is stored of a password."""
        return await self._run(self._hash, fields.password(password))

    async def check(self, kept: str | None, password: str) -> bool:
        """Compares a password with its hash; takes as long when there is none (None, empty)."""
        if not kept:
            if self._nobody is None:
                self._nobody = await self._run(self._hash, secrets.token_urlsafe())
            await self._run(self._verify, self._nobody, fields.password(password))
            return False
        return bool(await self._run(self._verify, kept, fields.password(password)))

    def outdated(self, kept: str) -> bool:
        """Returns True if a hash was made with other parameters than are set now."""
        return self._hasher.check_needs_rehash(kept)

    async def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def _verify(self, kept: str, password: str) -> str:
        try:
            return "yes" if self._hasher.verify(kept, password) else ""
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return ""

    async def _run(self, work: Callable[..., str], *arguments: str) -> str:
        if self._room <= 0:
            raise errors.ResourceExhausted(
                "RATE_LIMITED", "too many sign-ins at once", retry_after_seconds=1.0
            )
        self._room -= 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, work, *arguments)
        finally:
            self._room += 1


def _give_way() -> None:
    """Lowers the priority of this thread alone, as Linux can."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    except OSError as refused:
        log.info("argon2_priority_kept", error=type(refused).__name__)
