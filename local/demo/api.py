"""The REST API as the main job calls it: like any other program, with a client's id and secret."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

Json = dict[str, Any]
RENEW_SECONDS = 60.0


class Refused(Exception):
    """The API answered with a problem; the message is for people."""

    def __init__(self, status: int, problem: Json) -> None:
        fields = "; ".join(f"{e['field']}: {e['reason']}" for e in problem.get("errors", ()))
        text = problem.get("detail") or problem.get("title") or "no explanation"
        super().__init__(f"{status} {text}{f' ({fields})' if fields else ''}")
        self.status = status
        self.reason = str(problem.get("reason", ""))


@dataclass(frozen=True)
class Access:
    """Where the API and its token endpoint are, and who calls."""

    api_url: str
    token_url: str
    client_id: str
    client_secret: str


@dataclass
class Api:
    """Calls of one program; an async context manager that owns its connections."""

    access: Access
    _http: aiohttp.ClientSession = field(init=False)
    _token: str = ""
    _renew_at: float = 0.0

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.close()

    async def get(self, path: str, **query: str | int) -> Json:
        """Return the resource or page at `path`."""
        return await self._call("GET", path, params=query)

    async def post(self, path: str, body: Mapping[str, Any], key: str = "") -> Json:
        """Create or act; `key` makes the same call again give the same answer."""
        headers = {"Idempotency-Key": key} if key else {}
        return await self._call("POST", path, json=body, headers=headers)

    async def delete(self, path: str) -> None:
        """Delete the resource at `path`."""
        await self._call("DELETE", path)

    async def upload(self, path: str, file: Path, key: str) -> Json:
        """Send a file as one part named "file"."""
        with file.open("rb") as source:
            form = aiohttp.FormData()
            form.add_field("file", source, filename=file.name)
            return await self._call("POST", path, data=form, headers={"Idempotency-Key": key})

    async def every(self, path: str, name: str, **query: str | int) -> AsyncIterator[Json]:
        """Yield each item of a paged list whose items come under `name`."""
        token = ""
        while True:
            page = await self.get(path, page_size=1000, page_token=token, **query)
            for item in page[name]:
                yield item
            token = page.get("next_page_token", "")
            if not token:
                return

    async def _call(self, method: str, path: str, **rest: Any) -> Json:
        headers = {**rest.pop("headers", {}), "Authorization": f"Bearer {await self._bearer()}"}
        url = f"{self.access.api_url}/api/v1{path}"
        async with self._http.request(method, url, headers=headers, **rest) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise Refused(answer.status, _problem(text))
            return json.loads(text) if text else {}

    async def _bearer(self) -> str:
        if time.monotonic() > self._renew_at:
            form = {
                "grant_type": "client_credentials",
                "client_id": self.access.client_id,
                "client_secret": self.access.client_secret,
            }
            async with self._http.post(self.access.token_url, data=form) as answer:
                answer.raise_for_status()
                body = await answer.json()
            self._token = body["access_token"]
            self._renew_at = time.monotonic() + float(body["expires_in"]) - RENEW_SECONDS
        return self._token


def _problem(text: str) -> Json:
    try:
        problem = json.loads(text)
    except ValueError:
        return {"detail": text[:200]}
    return problem if isinstance(problem, dict) else {"detail": str(problem)}
