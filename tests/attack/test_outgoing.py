"""Nobody makes the house call an address of their choice: there is nothing that would."""

import ast
from collections.abc import Iterator
from pathlib import Path

from crm.errors.v1 import reason_pb2  # noqa: F401 (its package is walked)
from google.protobuf.descriptor import FieldDescriptor

from services.gateway.api.routes import ROUTES

ROOT = Path(__file__).parents[2]
# What opens connections by itself; gRPC, NATS and PostgreSQL go where settings say.
OPENS = {
    "aiohttp.ClientSession",
    "http.client.HTTPConnection",
    "http.client.HTTPSConnection",
    "urllib.request.urlopen",
    "urllib.request.build_opener",
    "urllib.request.Request",
    "socket.create_connection",
    "socket.socket",
    "asyncio.open_connection",
    "loop.create_connection",
    "smtplib.SMTP",
    "ftplib.FTP",
    "subprocess.run",
    "subprocess.Popen",
    "os.system",
}
LIBRARIES = {"requests", "httpx", "urllib3", "pycurl", "aiosmtplib", "paramiko", "ftplib"}
# Where each of them goes to.
ALLOWED = {
    "chassis/rpc/keys.py": "issuer_url",
    "chassis/rpc/tokens.py": "issuer_url",
    "chassis/events/connection.py": "nats_monitor_url",
    "chassis/confined/parent.py": "a child of our own code, no address",
    "services/gateway/identity.py": "issuer_url",
    "services/notifier/inbound.py": "the address on the command line of the mail server",
    "services/notifier/channels/smpp/bind.py": "the providers' settings",
    "services/notifier/channels/smtp/session.py": "the providers' settings",
}
# Fields that hold an address of the web, and what becomes of it.
SHOWN_ONLY: dict[str, str] = {}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def opening() -> Iterator[str]:
    """The modules of the house that open connections or start programs."""
    for part in ("chassis", "services"):
        for path in sorted((ROOT / part).glob("**/*.py")):
            name = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and any(
                    dotted(node.func) == it or dotted(node.func).endswith(f".{it}") for it in OPENS
                ):
                    yield name
                if isinstance(node, ast.Attribute) and node.attr == "create_connection":
                    yield name
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [it.name for it in node.names]
                    package = getattr(node, "module", None) or ""
                    if {it.partition(".")[0] for it in [*names, package]} & LIBRARIES:
                        yield name


def addresses() -> Iterator[FieldDescriptor]:
    """The fields of requests that are named like an address of the web."""
    for route in ROUTES:
        for field in {*route.descriptor.input_type.fields, *route.body_descriptor.fields}:
            name = field.name.lower()
            if name.endswith(
                ("url", "uri", "link", "href", "webhook", "callback", "endpoint", "host")
            ):
                yield field


class TestTheSource:
    def test_only_these_go_out_and_to_what_settings_say(self) -> None:
        assert set(opening()) <= ALLOWED.keys()

    def test_nothing_is_allowed_that_is_not_there(self) -> None:
        assert all((ROOT / name).exists() for name in ALLOWED)


class TestTheContract:
    def test_no_request_holds_an_address_that_would_be_fetched(self) -> None:
        assert {it.full_name for it in addresses()} <= SHOWN_ONLY.keys()


class TestRedirects:
    def test_nothing_follows_one(self) -> None:
        for name in (
            "chassis/rpc/keys.py",
            "chassis/rpc/tokens.py",
            "chassis/events/connection.py",
        ):
            tree = ast.parse((ROOT / name).read_text("utf-8"))
            calls = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and dotted(node.func) in ("session.get", "session.post")
            ]
            assert calls
            for call in calls:
                said = {
                    it.arg: ast.literal_eval(it.value)
                    for it in call.keywords
                    if it.arg == "allow_redirects"
                }
                assert said == {"allow_redirects": False}, name
