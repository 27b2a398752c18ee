"""Nobody makes the house call an address of their choice: there is nothing that would."""

import ast
from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor

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


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{dotted(node.func)}()"
    return node.id if isinstance(node, ast.Name) else ""


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
