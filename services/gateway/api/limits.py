"""How many requests of the REST API each caller may make, and the headers that say so."""

import hashlib

from flask import Flask, Response, g

from chassis import errors, networks
from services.gateway.bearers import Bearers
from services.gateway.quotas import Buckets, Quota

POLICY = "default"


class Limits:
    """Counts by who a token was issued to, and by network address what is nobody's token."""

    def __init__(self, bearers: Bearers, per_minute: int, buckets: Buckets | None = None) -> None:
        self.buckets = buckets or Buckets()
        self.bearers = bearers
        self._per_minute = per_minute

    def admit(self, token: str, address: str) -> None:
        """Count a request; raises `ResourceExhausted` RATE_LIMITED when none is left.

        Services of the house are not counted.
        """
        bearer = self.bearers.of(token)
        if bearer is not None and bearer.kind == "service":
            return
        if bearer is None:
            quota = self.buckets.take(f"address/{_short(address)}", self._per_minute)
        else:
            most = bearer.per_minute or self._per_minute
            quota = self.buckets.take(f"{bearer.kind}/{bearer.subject}", most)
        g.quota = quota
        if quota.wait_seconds is not None:
            raise errors.ResourceExhausted(
                "RATE_LIMITED",
                f"at most {quota.limit} requests a minute",
                retry_after_seconds=quota.wait_seconds,
                limit=quota.limit,
            )


def attach(app: Flask) -> None:
    """Say in each answer to a request that was counted where its caller stands."""

    @app.after_request
    def add_quota(response: Response) -> Response:
        quota: Quota | None = g.get("quota")
        if quota is not None:
            response.headers.update(quota.headers(POLICY))
        return response


def _short(address: str) -> str:
    return hashlib.sha256(networks.block(address).encode()).hexdigest()[:32]
