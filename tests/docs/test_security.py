"""docs/security.md answers for every requirement of both levels, by tests that are there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from services.accounts import config as accounts
from services.accounts.domain import lockout
from services.gateway import config as gateway

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)((?:::\w+)*)`")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
# OWASP ASVS 5.0.0: by section, the requirements of level 1 and of level 2.
LEVELS = {
    "1.1": ([], [1, 2]),
    "1.2": ([1, 2, 3, 4, 5], [6, 7, 8, 9]),
    "1.3": ([1, 2], [3, 4, 5, 6, 7, 8, 9, 10, 11]),
    "1.4": ([], [1, 2, 3]),
    "1.5": ([1], [2]),
    "2.1": ([1], [2, 3]),
    "2.2": ([1, 2], [3]),
    "2.3": ([1], [2, 3, 4]),
    "2.4": ([], [1]),
    "3.2": ([1, 2], []),
    "3.3": ([1], [2, 3, 4]),
    "3.4": ([1, 2], [3, 4, 5, 6]),
    "3.5": ([1, 2, 3], [4, 5]),
    "3.7": ([], [1, 2]),
    "4.1": ([1], [2, 3]),
    "4.2": ([], [1]),
    "4.3": ([], [1, 2]),
    "4.4": ([1], [2, 3, 4]),
    "5.1": ([], [1]),
    "5.2": ([1, 2], [3]),
    "5.3": ([1, 2], []),
    "5.4": ([], [1, 2, 3]),
    "6.1": ([1], [2, 3]),
    "6.2": ([1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12]),
    "6.3": ([1, 2], [3, 4]),
    "6.4": ([1, 2], [3, 4]),
    "6.5": ([], [1, 2, 3, 4, 5]),
    "6.6": ([], [1, 2, 3]),
    "6.8": ([], [1, 2, 3, 4]),
    "7.1": ([], [1, 2, 3]),
    "7.2": ([1, 2, 3, 4], []),
    "7.3": ([], [1, 2]),
    "7.4": ([1, 2], [3, 4, 5]),
    "7.5": ([], [1, 2]),
    "7.6": ([], [1, 2]),
    "8.1": ([1], [2]),
    "8.2": ([1, 2], [3]),
    "8.3": ([1], []),
    "8.4": ([], [1]),
    "9.1": ([1, 2, 3], []),
    "9.2": ([1], [2, 3, 4]),
    "10.1": ([], [1, 2]),
    "10.2": ([], [1, 2]),
    "10.3": ([], [1, 2, 3, 4]),
    "10.4": ([1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]),
    "10.5": ([], [1, 2, 3, 4, 5]),
    "10.6": ([], [1, 2]),
    "10.7": ([], [1, 2, 3]),
    "11.1": ([], [1, 2]),
    "11.2": ([], [1, 2, 3]),
    "11.3": ([1, 2], [3]),
    "11.4": ([1], [2, 3, 4]),
    "11.5": ([], [1]),
    "11.6": ([], [1]),
    "12.1": ([1], [2, 3]),
    "12.2": ([1, 2], []),
    "12.3": ([], [1, 2, 3, 4]),
    "13.1": ([], [1]),
    "13.2": ([], [1, 2, 3, 4, 5]),
    "13.3": ([], [1, 2]),
    "13.4": ([1], [2, 3, 4, 5]),
    "14.1": ([], [1, 2]),
    "14.2": ([1], [2, 3, 4]),
    "14.3": ([1], [2, 3]),
    "15.1": ([1], [2, 3]),
    "15.2": ([1], [2, 3]),
    "15.3": ([1], [2, 3, 4, 5, 6, 7]),
    "16.1": ([], [1]),
    "16.2": ([], [1, 2, 3, 4, 5]),
    "16.3": ([], [1, 2, 3, 4]),
    "16.4": ([], [1, 2, 3]),
    "16.5": ([], [1, 2, 3]),
}


NOT_YET = "not there yet"
# What does not hold, each said so in its row.
OPEN = {
    *("5.4.3", "6.1.2", "6.2.4", "6.2.11", "6.2.12", "6.3.3", "6.6.1", "6.8.4", "7.5.1"),
    *("7.5.2", "7.6.1", "11.2.2", "12.3.1", "12.3.3", "13.2.2"),
}
# What was true once, and where it ended.
OUTDATED = {
    "no OIDC": "services/accounts/usecases/oidc.py",
    "there is no portal": "services/gateway/portal/pages.py",
    "(portal)": "services/gateway/portal/pages.py",
    "none is sent": "services/accounts/usecases/contact_letters.py",
    "Erasure of a person: not there yet": "services/leads/domain/erasure.py",
    "Not there yet: rates": "services/gateway/quotas.py",
    "Not there yet: scopes": "services/accounts/domain/clients.py",
    "up to a minute": "services/gateway/config.py",
    "elsewhere within a minute": "services/gateway/config.py",
}
NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 10: "ten"}


def asked() -> Iterator[tuple[str, str]]:
    """Each number with its level."""
    for section, (first, second) in LEVELS.items():
        yield from ((f"{section}.{number}", "1") for number in first)
        yield from ((f"{section}.{number}", "2") for number in second)


@cache
def names(path: str) -> frozenset[str]:
    """What a file of tests has: classes, functions and methods, each as they are named."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    found = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(f"::{node.name}")
        if isinstance(node, ast.ClassDef):
            inner = [
                it for it in node.body if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            found |= {f"::{node.name}::{it.name}" for it in inner}
    return frozenset(found)


class TestTheChecklist:
    def test_it_has_each_requirement_of_both_levels_once(self) -> None:
        assert sorted((number, level) for number, level, _, _ in ROW.findall(PAGE)) == sorted(
            asked()
        )

    def test_each_has_an_answer(self) -> None:
        short = [number for number, _, _, answer in ROW.findall(PAGE) if len(answer.strip()) < 4]

        assert short == []

    def test_each_test_that_it_names_is_there(self) -> None:
        lost = [
            f"{path}{name}"
            for path, name in TEST.findall(PAGE)
            if not (ROOT / path).exists() or (name and name not in names(path))
        ]

        assert lost == []

    def test_what_does_not_hold_is_known_by_number(self) -> None:
        told = {number for number, *_, answer in ROW.findall(PAGE) if NOT_YET in answer.lower()}

        assert told == OPEN

    @pytest.mark.parametrize("phrase", OUTDATED)
    def test_nothing_is_denied_that_is_there(self, phrase: str) -> None:
        assert (ROOT / OUTDATED[phrase]).exists()
        assert phrase.lower() not in PAGE.lower()

    def test_it_names_many(self) -> None:
        assert len(set(TEST.findall(PAGE))) > 60

    def test_no_name_of_a_test_is_written_in_another_way(self) -> None:
        assert PAGE.count("tests/") == len(TEST.findall(PAGE)) + PAGE.count("`tests/attack`") + (
            PAGE.count("](../tests/")
        )


class TestSessions:
    def section(self) -> str:
        """What the page says of sessions."""
        return PAGE.partition("\n## Sessions\n")[2].partition("\n## ")[0]

    def test_how_long_an_ended_one_lives_on_is_what_is_set(self) -> None:
        seconds = gateway.Settings.model_fields["session_cache_seconds"].default

        assert f"{NUMBERS[seconds]} seconds (`MEKONG_SESSION_CACHE_SECONDS`)" in self.section()

    @pytest.mark.parametrize(
        "way",
        [
            *("password", "TOTP", "recovery code", "link by e-mail", "OpenID provider"),
            *("code by SMS or e-mail", "invitation", "programs with id and secret"),
        ],
    )
    def test_it_names_each_way_in(self, way: str) -> None:
        assert way in self.section().partition("\nWays in: ")[2]

    def test_it_says_after_how_many_failures_who_waits(self) -> None:
        per_minute = accounts.Settings.model_fields["sign_in_failures_per_minute"].default

        free = (lockout.FREE_ACCOUNT, lockout.FREE_ADDRESS, lockout.FREE_CUSTOMERS)
        for number in (*free, per_minute):
            assert re.search(rf"\b{number}\b", self.section())
        assert f"last {lockout.PLACES_KEPT.days} days" in self.section()


TEMPLATES = sorted((ROOT / "services" / "gateway").glob("**/templates/**/*.html"))
SCRIPTS = sorted((ROOT / "services" / "gateway" / "assets" / "src").glob("**/*.js"))


class TestPasswordFields:
    def inputs(self) -> list[str]:
        texts = [it.read_text("utf-8") for it in TEMPLATES]
        tags = [tag for text in texts for tag in re.findall(r"<input\b[^>]*>", text)]
        return [it for it in tags if re.search(r'\b(name|type|autocomplete)="[^"]*password', it)]

    def test_they_are_masked_and_open_to_managers(self) -> None:
        fields = [it for it in self.inputs() if 'type="hidden"' not in it]

        assert len(fields) >= 3
        for field in fields:
            assert 'type="password"' in field
            # That of the macro is given by who calls it.
            assert re.search(
                r'autocomplete="((current|new)-password|\{\{ autocomplete \}\})"', field
            )
            assert "maxlength" not in field

    def test_nothing_keeps_anybody_from_pasting(self) -> None:
        assert not any("paste" in it.read_text("utf-8") for it in (*TEMPLATES, *SCRIPTS))


class TestBrowserStorage:
    @pytest.mark.parametrize(
        "name", ["localStorage", "sessionStorage", "indexedDB", "document.cookie"]
    )
    def test_no_script_of_ours_writes_there(self, name: str) -> None:
        assert not any(name in it.read_text("utf-8") for it in SCRIPTS)

    def test_htmx_keeps_no_pages(self) -> None:
        told = "".join(it.read_text("utf-8") for it in SCRIPTS)

        assert "htmx.config.historyCacheSize = 0" in told


class TestHashes:
    def test_none_is_used_that_is_broken(self) -> None:
        weak = re.compile(r"hashlib\.(md5|sha1)\b|hashes\.(MD5|SHA1)\b|MODE_ECB|modes\.(ECB|CBC)\b")
        found = [
            str(path.relative_to(ROOT))
            for part in ("chassis", "services", "local")
            for path in sorted((ROOT / part).glob("**/*.py"))
            if weak.search(path.read_text("utf-8"))
        ]

        assert found == []
