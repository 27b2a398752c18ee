"""The documents say what the code says, and their links lead somewhere."""

import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generated() -> dict[str, str]:
    pages: dict[str, str] = generator().pages()
    return pages


def markdown() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).exists()]


class TestGeneratedPages:
    @pytest.mark.parametrize(
        "name", ["settings.md", "events.md", "errors.md", "metrics.md", "rights.md"]
    )
    def test_they_are_what_the_code_says_now(self, name: str) -> None:
        written = (ROOT / "docs" / name).read_text("utf-8")

        assert written == generated()[name], "run: make generate"


class TestMetrics:
    # A new one must have few values: an id or an address would be a series each.
    LABELS = frozenset(
        "service method code state outcome cls durable task setting provider verdict channel lane "
        "what way list letters rule route status stage".split()
    )

    def test_each_is_named_and_described_as_prometheus_wants(self) -> None:
        for metrics in generator().metrics().values():
            for name, it in metrics.items():
                assert re.fullmatch(r"mekong_[a-z0-9_]+", name), name
                assert it._documentation.endswith("."), name
                assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb)(_|$)", name), name
                if it._type == "histogram":
                    assert name.endswith(("_seconds", "_bytes")), name
                if it._type == "gauge":
                    assert not name.endswith("_total"), name

    def test_no_label_can_have_a_value_for_each_message_or_person(self) -> None:
        for metrics in generator().metrics().values():
            for name, it in metrics.items():
                assert set(it._labelnames) <= self.LABELS, name


class TestLinks:
    def test_each_leads_to_a_file_that_is_there(self) -> None:
        lost = [
            f"{page.relative_to(ROOT)}: {target}"
            for page in markdown()
            for target in _LINK.findall(page.read_text("utf-8"))
            if "://" not in target
            and not target.startswith(("#", "mailto:"))
            and not (page.parent / target.partition("#")[0]).exists()
        ]

        assert not lost


class TestServices:
    @pytest.mark.parametrize("folder", sorted((ROOT / "services").glob("*/config.py")))
    def test_each_has_a_readme(self, folder: Path) -> None:
        assert (folder.parent / "README.md").exists()
