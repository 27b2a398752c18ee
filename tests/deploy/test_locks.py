"""Each image holds what its service imports: it is installed from that service's lock alone."""

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"bench", "chassis", "crm", "local", "services"}
SERVICES = ("accounts", "campaigns", "gateway", "interactions", "leads", "notifier")


class TestLocks:
    @pytest.mark.parametrize("service", SERVICES)
    def test_everything_imported_is_locked(self, service):
        locked = set(_locked(service))
        distributions = importlib.metadata.packages_distributions()

        missing = [
            module
            for module in sorted(set(_imported(ROOT / "services" / service)))
            if not {_plain(name) for name in distributions.get(module, [module])} & locked
        ]

        assert missing == []


def _imported(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.py"):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            roots = {name.partition(".")[0] for name in names}
            yield from roots - OURS - set(sys.stdlib_module_names)


def _locked(service: str) -> Iterator[str]:
    for line in (ROOT / "requirements" / f"{service}.txt").read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9][\w.-]*)(\[.*\])?==", line):
            yield _plain(match[1])


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
