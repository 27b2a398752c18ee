"""Writes the pages that say what code and contracts say: settings, events, errors, metrics, rights.

Run `make generate`; a test compares what it would write with what is committed.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crm.rights.v1 import rights_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from prometheus_client.metrics import MetricWrapperBase

from chassis import config
from chassis.rpc.rights import Caller, Rule
from services import rights, topology
from services.accounts.domain import rights as granted

HERE = Path(__file__).resolve().parent
SERVICES = ("leads", "interactions", "campaigns", "notifier", "accounts", "gateway")
_MESSAGES, _ENUMS, _VALUES = 4, 5, 2
_CALLERS = {
    Caller.ANYBODY: "nothing, not even a token",
    Caller.SIGNED_IN: "a token; for what is one's own",
    Caller.HOUSE: "a service of the house that acts for itself",
    Caller.HOUSE_FOR_ANYBODY: "a service of the house",
    Caller.CONTACT: "a customer who signed in to the portal; for what is their own",
}


def pages() -> dict[str, str]:
    """Return each generated page by its file name."""
    files = FileDescriptorSet.FromString((HERE.parent / "gen" / "descriptors.binpb").read_bytes())
    return {
        "settings.md": "\n".join(_settings()),
        "events.md": "\n".join(_events(files)),
        "errors.md": "\n".join(_errors(files)),
        "metrics.md": "\n".join(_metrics()),
        "rights.md": "\n".join(_rights(files)),
    }


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Every process reads its settings from the environment when it starts, and refuses to start"
    yield "with one it does not know. Instead of `MEKONG_X` a file may be named by `MEKONG_X_FILE`; that"
    yield "is how secrets come. `python -m services.NAME settings` prints the same.\n"
    rows = {name: config.table(_settings_of(name)) for name in SERVICES}
    shared = {row for row in rows["leads"] if all(row in rows[name] for name in SERVICES)}
    served = {row for row in rows["leads"] if all(row in rows[name] for name in SERVICES[:-1])}
    yield "## Every process\n"
    yield from _table([row for row in rows["leads"] if row in shared])
    yield "## Every gRPC service\n"
    yield from _table([row for row in rows["leads"] if row in served - shared])
    for name in SERVICES:
        yield f"## {name}\n"
        yield from _table([row for row in rows[name] if row not in served | shared])
    yield "## Streams and consumers: `python -m services.topology`\n"
    yield from _table([it for it in config.table(topology.Settings) if it not in shared])


def _settings_of(name: str) -> type[config.Settings]:
    found: type[config.Settings] = importlib.import_module(f"services.{name}.config").Settings
    return found


def _table(rows: list[config.Row]) -> Iterator[str]:
    yield "| setting | type | default | why |\n|---|---|---|---|"
    for row in rows:
        cells = (f"`{row.name}`", row.type, row.default, row.why)
        yield f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |"
    yield ""


def _events(files: FileDescriptorSet) -> Iterator[str]:
    yield "# Events\n"
    yield "Subject = the message's full name; payload = the bare protobuf; `ce-*` headers say the rest."
    yield "`CONTROL` is what stops or starts sending, `FACTS` everything else. Delivered at least once,"
    yield "in any order: dedupe by `ce-id`, apply a resource only when its `revision` is greater.\n"
    for title, names in (
        ("CONTROL", topology.CONTROL_EVENTS),
        ("FACTS", topology.FACTS_EVENTS),
    ):
        yield f"## {title}\n\n| event | says |\n|---|---|"
        told = dict(_messages(files))
        for name in names:
            yield f"| `{name}` | {told[name]} |"
        yield ""
    yield "## AUDIT\n"
    yield "`audit.<service>`: one serialized `google.protobuf.Struct` an entry; accounts chains them.\n"
    yield "## Work\n"
    yield "`notify.<region>.bulk` and `notify.<region>.transactional`: a `crm.notifier.v1.Chunk` each.\n"


def _messages(files: FileDescriptorSet) -> Iterator[tuple[str, str]]:
    for file in files.file:
        comments = _comments(file)
        for place, message in enumerate(file.message_type):
            yield f"{file.package}.{message.name}", comments.get((_MESSAGES, place), "")


def _errors(files: FileDescriptorSet) -> Iterator[str]:
    yield "# Errors\n"
    yield 'Every error carries a `google.rpc.ErrorInfo` with `domain` "mekong" and one of these as'
    yield "`reason`; over REST the same stands in the problem's `reason`. Fields at fault come as"
    yield "`BadRequest` (REST: `errors`), a time to wait as `RetryInfo` (REST: `Retry-After`).\n"
    yield "| reason | gRPC status, metadata and meaning |\n|---|---|"
    (file,) = [it for it in files.file if it.package == "crm.errors.v1"]
    comments = _comments(file)
    for place, value in enumerate(file.enum_type[0].value):
        if value.number:
            name = value.name.removeprefix("REASON_")
            yield f"| `{name}` | {comments[(_ENUMS, 0, _VALUES, place)]} |"
    yield ""


def _rights(files: FileDescriptorSet) -> Iterator[str]:
    yield "# Rights\n"
    yield "A right is an action on a kind of resource, `contacts.read`, and has a level: `own` (what one owns, is"
    yield "assigned to or made), `team` (what the team owns besides), `all`. A method says in its contract which"
    yield "rights every call needs (`crm.rights.v1.needs`); its server refuses a caller without them before anything"
    yield "else, and does not start with a method that says nothing. How far a right reaches is then a condition of"
    yield "the query. `:team` and `:all` are levels below which a right is not enough.\n"
    yield "## Roles that come with the system\n"
    names = [name for name in granted.BUILTIN if name != granted.ADMIN]
    yield f"`{granted.ADMIN}` may do everything. r read, w write, d delete, x export, s start, e erase; what is not `all` is said.\n"
    yield f"| resource | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}"
    for resource in granted.RESOURCES:
        cells = [_granted(granted.expanded(granted.BUILTIN[it]).get(resource, {})) for it in names]
        yield f"| `{resource}` | {' | '.join(cells)} |"
    yield "\n## Fields that a role can hide\n"
    yield "A field is left out of every answer when the caller's role hides it under any of its names; nobody finds"
    yield "people by what is hidden from them, nor changes it, nor brings it by a file. Audit entries of contacts, their logins and"
    yield "proposals come without its values. Who has no name is shown by an address; such a `display_name` is left out"
    yield "where phones or e-mail addresses are hidden, and finds nobody. Conditions of a segment on a hidden field"
    yield "come without their values. Messages that are rendered for who looks at them (previews of templates"
    yield "and follow-ups, samples of a review) are rendered as if the person had no value in it; what is sent is whole."
    yield "A proposal is rendered so for its sender, too. They are rendered of people within reach of the caller's"
    yield "`contacts.read` alone: a review counts everybody and shows nobody to who may read nobody. The texts of a"
    yield "proposal that was sent are rendered anew for who sees no addresses; its customer keeps what was sent.\n"
    yield "| name | fields |\n|---|---|"
    for name, places in guarded(files).items():
        yield f"| `{name}` | {', '.join(f'`{it}`' for it in places)} |"
    yield "\nWords that may quote an address (a provider's answer, what proves a consent or a suppression) are"
    yield "hidden with phones and with e-mails, also in audit entries. Whoever may not read addresses of a kind"
    yield "looks none up, has none suppressed, agreed with or put on a do-not-call list, and learns by no figure"
    yield "whether one is there: `FIELD_HIDDEN`. The link of a proposal, whose holder answers as the customer, is"
    yield "for who may write that proposal; other readers get the proposal without it."
    for service, rules in method_rules(files).items():
        yield f"\n## {service}\n\n| method | needs | some calls also |\n|---|---|---|"
        for method, rule in rules.items():
            said = [_CALLERS[rule.caller]] if rule.caller in _CALLERS else []
            needs = ", ".join([*said, *(f"`{it}`" for it in rule.needs)])
            yield f"| {method} | {needs} | {', '.join(f'`{it}`' for it in rule.may_need)} |"
    yield ""


def method_rules(files: FileDescriptorSet) -> dict[str, dict[str, Rule]]:
    """Return the rule of every method of the contracts, by service."""
    return {
        f"{file.package}.{service.name}": {
            it.name: rights.told(it.options, f"/{file.package}.{service.name}/{it.name}")
            for it in service.method
        }
        for file in files.file
        for service in file.service
    }


def guarded(files: FileDescriptorSet) -> dict[str, list[str]]:
    """Return the fields of contracts that can be hidden, by the name under which."""
    found: dict[str, list[str]] = {}
    for file in files.file:
        for message in file.message_type:
            for field in message.field:
                for name in field.options.Extensions[rights_pb2.guarded_as]:
                    place = f"{file.package.split('.')[1]}.{message.name}.{field.name}"
                    found.setdefault(name, []).append(place)
    return dict(sorted(found.items()))


def _granted(actions: dict[str, str]) -> str:
    letters: dict[str, str] = {}
    for action, letter in zip(granted.ACTIONS, "rwdxse", strict=True):
        if action in actions:
            letters[actions[action]] = letters.get(actions[action], "") + letter
    return ", ".join(it if level == "all" else f"{it} {level}" for level, it in letters.items())


def _metrics() -> Iterator[str]:
    yield "# Metrics\n"
    yield "`/metrics` on the port of `MEKONG_HTTP_LISTEN`, for Prometheus. Gauges that say _over all replicas_"
    yield "are read from the database or the broker, and every replica tells the same: take `max by`, not `sum`."
    yield "[Rules](../deploy/helm/mekong/rules.yaml) and [runbooks](runbooks/README.md) go with them.\n"
    for owner, found in metrics().items():
        yield f"## {owner}\n\n| metric | type | labels | says |\n|---|---|---|---|"
        for name, it in sorted(found.items()):
            labels = " ".join(f"`{label}`" for label in it._labelnames)
            yield f"| `{name}` | {it._type} | {labels} | {it._documentation} |"
        yield ""


def metrics() -> dict[str, dict[str, Any]]:
    """Return every metric of ours by the package that has it and by its name as scraped."""
    found: dict[str, dict[str, Any]] = {}
    seen: set[int] = set()
    for package in ("chassis", *(f"services.{name}" for name in SERVICES)):
        for module in _modules(package):
            for it in vars(module).values():
                if isinstance(it, MetricWrapperBase) and id(it) not in seen:
                    seen.add(id(it))
                    suffix = {"counter": "_total", "info": "_info"}.get(it._type, "")
                    owner = "Every gRPC service" if package == "chassis" else package[9:]
                    found.setdefault(owner, {})[f"{it._name}{suffix}"] = it
    return found


def _modules(package: str) -> Iterator[Any]:
    """Import every module of a package that names a metric."""
    root = HERE.parent / package.replace(".", "/")
    for path in sorted(root.rglob("*.py")):
        if "prometheus_client import" in path.read_text("utf-8"):
            yield importlib.import_module(
                ".".join(path.relative_to(HERE.parent).with_suffix("").parts)
            )


def _comments(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {
        tuple(place.path): " ".join(place.leading_comments.split())
        for place in file.source_code_info.location
        if place.leading_comments
    }


if __name__ == "__main__":
    for name, page in pages().items():
        (HERE / name).write_text(page, encoding="utf-8")
        sys.stdout.write(f"{name}\n")
