"""What runbooks tell somebody to type works: names, ports, events, settings, calls, statements."""

import itertools
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy import check
from tests.deploy.test_rules import RUNBOOKS
from tests.docs.test_docs import ROOT, generator
from tests.integration.emptied import migrate

PAGES = [*sorted(RUNBOOKS.glob("*.md")), ROOT / "docs" / "kubernetes.md"]
SERVICES = [it for it in generator().SERVICES if it != "gateway"]
VERBS = "Change|Count|Create|Delete|Get|List|Look|Probe|Repeat|Report|Send|Update"
OF_KUBERNETES = {"CreateContainerConfigError"}
EVENT = re.compile(r"""\(\s*"(\w+)"(?: if [^"]+ else "(\w+)")?""")


def found(pattern: str) -> list[tuple[str, Any]]:
    """Return each match of a pattern with the name of its page."""
    return [
        (page.name, it)
        for page in PAGES
        for it in re.findall(pattern, page.read_text("utf-8"), re.M)
    ]


@pytest.fixture(scope="module")
def chart() -> set[tuple[str, str]]:
    """Kind and name of each manifest, with all that can be turned on."""
    manifests = check.render("--set", "services.accounts.auditHead.enabled=true")
    return {(it["kind"], it["metadata"]["name"]) for it in manifests}  # type: ignore[index]


@pytest.fixture
def databases(make_database: Callable[[], str]) -> Iterator[list[Any]]:
    """Connections to the databases of all services, at their newest schema."""
    urls = [migrate(make_database(), f"services.{name}") for name in SERVICES]
    made = [psycopg.connect(it.replace("+psycopg", ""), autocommit=True) for it in urls]
    yield made
    for it in made:
        it.close()


class TestKubectl:
    KINDS = (("deploy", "Deployment"), ("job", "Job"))

    def test_deployments_and_jobs_are_those_of_the_chart(self, chart: set[tuple[str, str]]) -> None:
        named = [
            (page, (kind, name))
            for word, kind in self.KINDS
            for page, name in found(rf"\b{word}[/ ](mekong-[a-z-]+)")
        ]

        assert len(named) > 10
        assert [it for it in named if it[1] not in chart] == []

    def test_components_and_volumes_are_too(self, chart: set[tuple[str, str]]) -> None:
        for page, name in found(r"app\.kubernetes\.io/component=(\w+)"):
            assert ("Deployment", f"mekong-{name}") in chart, page
        for page, name in found(r"describe pvc ([\w-]+)"):
            assert ("PersistentVolumeClaim", name) in chart, page

    def test_what_is_run_in_a_container_is_in_it_and_takes_its_settings(self) -> None:
        """`services.letters` leaves settings aside that it does not know; no other does."""
        for page, (name, module) in found(
            r"kubectl exec (?:deploy/mekong-)?(\w+) -- python -m services\.(\w+)"
        ):
            assert name == "POD" or module in ("letters", name), page

    def test_nobody_is_told_to_run_what_would_take_others_settings(self) -> None:
        assert found(r"python -m services\.topology") == []


class TestPorts:
    def test_no_page_asks_a_pod_by_its_address(self) -> None:
        """The chart lets nobody but Prometheus in, and nothing resolves a pod's name."""
        assert found(r"https?://[A-Z_]*POD\b") == []

    @pytest.mark.parametrize("page", PAGES, ids=lambda it: it.stem)
    def test_each_port_that_is_asked_was_forwarded_before(self, page: Path) -> None:
        text = page.read_text("utf-8") if page.stem != "README" else ""

        for asked in re.finditer(r"curl [^\n`]*http://127\.0\.0\.1:(\d+)", text):
            assert re.search(rf"port-forward \S+ {asked[1]}\b", text[: asked.start()]), asked[0]


class TestWords:
    def test_events_that_logs_are_searched_for_are_logged(self) -> None:
        logged = {
            name
            for folder in ("chassis", "services")
            for file in (ROOT / folder).rglob("*.py")
            for names in EVENT.findall(file.read_text("utf-8"))
            for name in names
        }
        sought = [
            (page, name)
            for page, pattern in found(r"kubectl logs [^|`\n]*\| grep (?:-E )?'?([\w|()]+)'?")
            for name in _alternatives(pattern)
        ]

        assert len(sought) > 10
        assert [it for it in sought if it[1] not in logged] == []

    def test_settings_are_there(self) -> None:
        known = set(re.findall(r"`(MEKONG_\w+)`", "\n".join(generator()._settings())))
        named = found(r"\b(MEKONG_[A-Z_]+[A-Z])\b(?!`? )|`(MEKONG_[A-Z_]+[A-Z])`")
        names = [(page, first or second) for page, (first, second) in named]

        assert [
            it for it in names if it[1] not in known and it[1].removesuffix("_FILE") not in known
            if it[1] not in ("MEKONG_PASSWORD", "MEKONG_X")
        ] == []  # fmt: skip

    def test_calls_are_there(self) -> None:
        known = set(re.findall(r"^\| (\w+) \|", (ROOT / "docs/rights.md").read_text(), re.M))
        named = found(rf"`((?:{VERBS})[A-Z][A-Za-z]+)`")

        assert len(named) > 2
        assert [it for it in named if it[1] not in known | OF_KUBERNETES] == []


class TestStatements:
    """Each statement of SQL is one that a database of some service understands."""

    def test_it_does(self, databases: list[Any]) -> None:
        statements = list(_statements())

        assert len(statements) > 6
        for page, statement in statements:
            troubles = [_trouble(it, statement) for it in databases]
            assert None in troubles, (page, statement, troubles)


def _statements() -> Iterator[tuple[str, str]]:
    for page, block in found(r"^ *```sql\n((?:.*\n)*?) *```"):
        for each in block.split(";"):
            if each.strip():
                yield page, each.strip()
    yield from found(r"`((?:SELECT|UPDATE|DELETE) [^`]+)`")


def _trouble(database: Any, statement: str) -> str | None:
    """Return why a database cannot plan a statement; None when it can."""
    value = "'00000000-0000-0000-0000-000000000000'"
    if "> …" in statement:
        value = "'2026-01-01'"
    filled = statement.replace("'…'", value).replace("…", value)
    try:
        database.execute(f"EXPLAIN {filled}")
    except psycopg.Error as refused:
        return str(refused)
    return None


@cache
def _alternatives(pattern: str) -> list[str]:
    """Return what `a|b_(c|d)` stands for: a, b_c, b_d."""
    parts = re.findall(r"(\w*)\(([\w|]+)\)|(\w+)", pattern)
    return list(
        itertools.chain.from_iterable(
            [f"{prefix}{it}" for it in inner.split("|")] if inner else [word]
            for prefix, inner, word in parts
        )
    )
