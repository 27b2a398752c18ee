"""The connection to the broker: made in the background, kept for ever, replaced when it dies."""

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import Protocol

import aiohttp
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext

from chassis import errors, metrics

API_SECONDS = 5.0
_RETRY_SECONDS = 0.5
_CONNECT_SECONDS = 2
_PING_SECONDS = 5
_ASK_AGAIN_SECONDS = 30.0

log = structlog.get_logger()


class BrokerSettings(Protocol):
    """The settings a connection is made from."""

    @property
    def instance(self) -> str: ...
    @property
    def nats_url(self) -> str: ...
    @property
    def nats_monitor_url(self) -> str: ...
    @property
    def nats_creds_file(self) -> Path | None: ...
    @property
    def nats_tls_ca_file(self) -> Path | None: ...
    @property
    def nats_tls_cert_file(self) -> Path | None: ...
    @property
    def nats_tls_key_file(self) -> Path | None: ...


class Connection:
    """A broker that may be away: `start` returns at once, `connected` waits.

    A client that the broker closed for good (say, credentials being replaced) is replaced by a
    new one, so ask for `client` and `js` at each use instead of keeping them.

    Where its monitoring is known, each is asked whether it writes to disk before it acknowledges,
    which the metrics tell, and the log where it does not.
    """

    def __init__(self, settings: BrokerSettings, service: str) -> None:
        self._settings = settings
        self.service = service
        self._name = f"{service} {settings.instance}"
        self._client = Client()
        self._js = self._client.jetstream(timeout=API_SECONDS)
        self._keeper: asyncio.Task[None] | None = None
        self._asker: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._is_closing = False
        self._is_sync = False

    @property
    def client(self) -> Client:
        """The core client of now."""
        return self._client

    @property
    def js(self) -> JetStreamContext:
        """The JetStream context of now."""
        return self._js

    @property
    def is_connected(self) -> bool:
        """True while the broker answers."""
        return self._client.is_connected

    @property
    def lost(self) -> asyncio.Event:
        """Set once the connection of now is lost; after the next connect it is another event."""
        return self._lost

    def start(self) -> None:
        """Begin to connect; idempotent."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="nats")
            if self._settings.nats_monitor_url:
                self._asker = asyncio.create_task(self._keep_asking(), name="nats sync")

    async def connected(self, within: float | None = None) -> None:
        """Wait until the broker is reachable; raises `Unavailable` after `within` seconds."""
        self.start()
        try:
            async with asyncio.timeout(within):
                while not self.is_connected:
                    self._up.clear()
                    await self._up.wait()
        except TimeoutError:
            raise errors.Unavailable("BROKER_AWAY", "the broker is away") from None

    def require(self) -> None:
        """Raise `Unavailable` while the broker is away."""
        if not self.is_connected:
            raise errors.Unavailable("BROKER_AWAY", "the broker is away")

    async def check(self) -> None:
        """Readiness: raises `Unavailable` while the broker is away.

        Where its monitoring is known, raises `FailedPrecondition` if it does not write to disk
        before it acknowledges; asked once after each connect.
        """
        self.require()
        if self._settings.nats_monitor_url and not self._is_sync:
            await self._ask()

    async def close(self) -> None:
        """End the connection and stop keeping it."""
        self._is_closing = True
        tasks = [it for it in (self._keeper, self._asker) if it is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._keeper = self._asker = None
        with contextlib.suppress(Exception):  # nothing is owed to a broker that is away
            await asyncio.wait_for(self._client.close(), _CONNECT_SECONDS)
        metrics.nats_connected.set(0)

    async def _keep(self) -> None:
        while True:
            closed = asyncio.Event()
            client = Client()
            try:
                await self._connect(client, closed)
                self._client, self._js = client, client.jetstream(timeout=API_SECONDS)
                self._note(is_up=True)
                await closed.wait()
            except asyncio.CancelledError:
                if client is not self._client:
                    await client.close()
                raise
            except Exception as error:
                log.warning("broker_not_connected", error=type(error).__name__)
            self._note(is_up=False)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _keep_asking(self) -> None:
        """Ask once after each connect, and again while the answer is no or there is none."""
        while True:
            await self.connected()
            lost = self.lost
            try:
                await self._ask()
            except errors.FailedPrecondition:
                log.error("broker_unsafe")
            except errors.Unavailable:
                log.warning("broker_monitor_away")
            else:
                await lost.wait()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_AGAIN_SECONDS):
                    await lost.wait()

    async def _ask(self) -> None:
        """Ask the broker's monitoring; raises as `assert_sync_always`."""
        await assert_sync_always(self._settings.nats_monitor_url)
        self._is_sync = True

    async def _connect(self, client: Client, closed: asyncio.Event) -> None:
        async def on_error(error: Exception) -> None:
            log.debug("broker_error", error=type(error).__name__)

        async def on_disconnected() -> None:
            self._note(is_up=False)

        async def on_reconnected() -> None:
            self._note(is_up=True)

        async def on_closed() -> None:
            closed.set()

        creds = self._settings.nats_creds_file
        await client.connect(
            [url.strip() for url in self._settings.nats_url.split(",")],
            name=self._name,
            error_cb=on_error,
            disconnected_cb=on_disconnected,
            reconnected_cb=on_reconnected,
            closed_cb=on_closed,
            connect_timeout=_CONNECT_SECONDS,
            reconnect_time_wait=_RETRY_SECONDS,  # type: ignore[arg-type]
            max_reconnect_attempts=-1,
            ping_interval=_PING_SECONDS,
            user_credentials=str(creds) if creds else None,
            tls=self._tls(),
        )

    def _tls(self) -> ssl.SSLContext | None:
        authority = self._settings.nats_tls_ca_file
        if authority is None:
            return None
        tls = ssl.create_default_context(cafile=str(authority))
        cert, key = self._settings.nats_tls_cert_file, self._settings.nats_tls_key_file
        if cert is not None and key is not None:
            tls.load_cert_chain(cert, key)
        return tls

    def _note(self, *, is_up: bool) -> None:
        metrics.nats_connected.set(1 if is_up else 0)
        self._lost.set()
        if is_up:
            self._lost = asyncio.Event()
            self._up.set()
            self._is_sync = False  # it may be another server, or the same with another config
        if self._is_closing:
            return
        log.info("broker_connected" if is_up else "broker_away")


async def sync_always(monitor_url: str) -> bool:
    """Ask the broker's monitoring page whether JetStream writes to disk before it acknowledges.

    No client API tells this; `/varz` of the monitoring port does, without a system account.
    Raises `Unavailable` when the page cannot be had.
    """
    try:
        timeout = aiohttp.ClientTimeout(total=API_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(monitor_url.rstrip("/") + "/varz", allow_redirects=False) as response,
        ):
            response.raise_for_status()
            page = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise errors.Unavailable(
            "BROKER_MONITOR_AWAY", "the broker's monitoring is away"
        ) from error
    config = (page.get("jetstream") or {}).get("config") or {}
    always = bool(config.get("sync_always"))
    metrics.nats_sync_always.set(1 if always else 0)
    return always


async def assert_sync_always(monitor_url: str) -> None:
    """Raise `FailedPrecondition` unless the broker writes to disk before it acknowledges.

    Raises `Unavailable` when the broker's monitoring does not answer.
    """
    if not await sync_always(monitor_url):
        raise errors.FailedPrecondition(
            "BROKER_SYNC", "the broker must run with jetstream { sync_interval: always }"
        )
