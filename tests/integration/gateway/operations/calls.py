"""Calls of REST operations by their names."""

import json
import time
import uuid
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from services.gateway.api.routes import ROUTES
from services.gateway.api.table import PREFIX

SECONDS = 60.0


class Api:
    """Calls one gateway as a signed-in API client, and remembers which operations were called."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self.identity: dict[str, str] = {}
        self.called: set[str] = set()

    def __call__(
        self,
        operation: str,
        expected: int = 0,
        /,
        *,
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        file_name: str = "a.csv",
        **path: str,
    ) -> Any:
        """Call an operation by its name (`GetContact`); returns the JSON of its answer."""
        route = next(it for it in ROUTES if it.name == operation)
        key = str(uuid.uuid4())
        given = {**self.identity, "Idempotency-Key": key, **(headers or {})}
        data, kind = body, "text/csv"
        if not isinstance(body, bytes):
            data, kind = json.dumps(body).encode() if body is not None else None, "application/json"
        elif route.kind in ("upload", "file"):
            kind = "multipart/form-data; boundary=b"
            head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"'
            data = head.encode() + b"\r\n\r\n" + body + b"\r\n--b--\r\n"
        address = PREFIX + route.path.format(**path) + (f"?{query}" if query else "")
        connection = HTTPConnection(self._address, timeout=SECONDS)
        connection.request(route.method, address, data, {**given, "Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        assert answer.status == (expected or route.status), f"{operation}: {answer.status} {text}"
        if answer.status == route.status:
            self.called.add(operation)
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return json.loads(text) if is_json else text


def until(found: Any, what: str) -> Any:
    """Return what is found, once it is."""
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        it = found()
        if it:
            return it
        time.sleep(0.1)
    raise AssertionError(f"not within {SECONDS} seconds: {what}")


def signed_in(house: Any) -> str:
    """Sign the first user in; returns the cookie that was set."""
    email = house.state["first_user"]
    file = Path(house.state["first_password_file"])
    password = until(lambda: file.exists() and file.read_text().strip(), "the first password")
    connection = HTTPConnection(urlsplit(house.state["gateway_url"]).netloc, timeout=SECONDS)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"email": email, "password": password})
    connection.request("POST", "/sign-in", form, kind)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheader("Set-Cookie") or ""
