"""Nobody makes the house call an address of their choice: there is nothing that would."""

import ast
import importlib
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from services.gateway import direct
from services.gateway.api import comments
from services.gateway.api.routes import ROUTES
from tests.attack import source

# What opens connections or starts programs, by the last of its name; gRPC, NATS and PostgreSQL go
# where settings say.
OPENS = {
    *("ClientSession", "HTTPConnection", "HTTPSConnection", "urlopen", "build_opener"),
    *("create_connection", "open_connection", "start_tls", "SMTP", "FTP"),
    *("Popen", "system", "popen", "create_subprocess_exec", "create_subprocess_shell"),
}
LIBRARIES = {
    "requests",
    "httpx",
    "urllib3",
    "pycurl",
    "aiosmtplib",
    "paramiko",
    "ftplib",
    "smtplib",
    "subprocess",
}
# How what goes out by HTTP is asked for.
ASKS = {f"{it}.{how}" for it in ("session", "self._session()") for how in ("get", "post")}
# Where each of them goes to.
ALLOWED = {
    "chassis/rpc/keys.py": "issuer_url",
    "chassis/rpc/tokens.py": "issuer_url",
    "chassis/events/connection.py": "nats_monitor_url",
    "chassis/confined/parent.py": "a child of our own code, no address",
    "services/accounts/clients/provider.py": "oidc_issuer, and what it names as its own endpoints",
    "services/gateway/direct.py": "issuer_url, for who opens it",
    "services/notifier/inbound.py": "the address on the command line of the mail server",
    "services/notifier/channels/smpp/bind.py": "the providers' settings",
    "services/notifier/channels/smtp/session.py": "the providers' settings",
}


# Who opens what only services/gateway/direct.py says how to open, and with what of ours in it.
DIRECT = {
    "services/gateway/bearers.py": "keys of the issuer",
    "services/gateway/identity.py": "the gateway's own token, by its secret",
}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return node.id if isinstance(node, ast.Name) else ""


@contextmanager
def listening(asked: list[str]) -> Iterator[str]:
    """A server that notes what it is asked for, as proxies are with the whole address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def opening() -> Iterator[str]:
    """The modules of the house that open connections or start programs."""
    for part in ("chassis", "services"):
        for path in source.modules(part, *OPENS, *LIBRARIES):
            name = str(path.relative_to(source.ROOT))
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in OPENS:
                    yield name
                if isinstance(node, ast.Import | ast.ImportFrom):
                    package = getattr(node, "module", None)
                    names = [package] if package else [it.name for it in node.names]
                    if {it.partition(".")[0] for it in names} & LIBRARIES:
                        yield name


def addresses() -> Iterator[FieldDescriptor]:
    """The fields of requests that are named like an address of the web."""
    for route in ROUTES:
        for field in {*route.descriptor.input_type.fields, *route.body_descriptor.fields}:
            name = field.name.lower()
            if not comments.output_only(field) and name.endswith(
                ("url", "uri", "link", "href", "webhook", "callback", "endpoint", "host")
            ):
                yield field


class TestTheSource:
    def test_only_these_go_out_and_to_what_settings_say(self) -> None:
        assert set(opening()) <= ALLOWED.keys()

    def test_nothing_is_allowed_that_is_not_there(self) -> None:
        assert all((source.ROOT / name).exists() for name in ALLOWED)

    def test_only_these_open_what_the_gateway_opens(self) -> None:
        found = set()
        for path in source.modules("services", "direct"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    place = getattr(node, "module", None) or ""
                    names = {place, *(f"{place}.{it.name}".strip(".") for it in node.names)}
                    if "services.gateway.direct" in names:
                        found.add(str(path.relative_to(source.ROOT)))

        assert found == DIRECT.keys()


class TestProxies:
    def test_none_of_the_environment_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        with listening(asked) as proxy, listening([]) as issuer:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
                monkeypatch.setenv(name, proxy)
            for name in ("no_proxy", "NO_PROXY"):
                monkeypatch.delenv(name, raising=False)
            fresh = importlib.reload(direct)
            through = urllib.request.build_opener()
            with fresh.OPENER.open(f"{issuer}/oauth2/token", b"secret", timeout=10) as answer:
                assert answer.status == 204
            assert asked == []
            with through.open(f"{issuer}/oauth2/token", b"secret", timeout=10):
                assert asked == [f"{issuer}/oauth2/token"]

    def test_no_session_of_ours_takes_one(self) -> None:
        for name in ALLOWED:
            for node in ast.walk(ast.parse((source.ROOT / name).read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    assert "trust_env" not in {it.arg for it in node.keywords}, name


class TestTheContract:
    def test_no_request_holds_an_address_that_would_be_fetched(self) -> None:
        assert {it.full_name for it in addresses()} == set()


class TestRedirects:
    def test_nothing_follows_one(self) -> None:
        for name in (
            "chassis/rpc/keys.py",
            "chassis/rpc/tokens.py",
            "chassis/events/connection.py",
            "services/accounts/clients/provider.py",
        ):
            tree = ast.parse((source.ROOT / name).read_text("utf-8"))
            calls = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and dotted(node.func) in ASKS
            ]
            assert calls
            for call in calls:
                said = {
                    it.arg: ast.literal_eval(it.value)
                    for it in call.keywords
                    if it.arg == "allow_redirects"
                }
                assert said == {"allow_redirects": False}, name
