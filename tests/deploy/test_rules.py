"""The rules for Prometheus speak of metrics that exist, and each alert tells what to do.

That they fire when they should is promtool's to say: `make chart`.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml

from chassis import metrics
from deploy import check
from tests.docs.test_docs import ROOT, generator

SERVICES = generator().SERVICES
RUNBOOKS = ROOT / "docs" / "runbooks"
_METRIC = re.compile(r"\bmekong_[a-z0-9_]+")
_RECORDING = re.compile(r"\bmekong:[a-z0-9_:]+")
_SUFFIXES = ("_bucket", "_count", "_sum")


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(check.RULES.read_text("utf-8"))["groups"]
    return found


def rules(kind: str) -> Iterator[dict[str, Any]]:
    return (rule for group in groups() for rule in group["rules"] if kind in rule)


@cache
def scraped() -> set[str]:
    found: set[str] = set()
    for page in generator().metrics().values():
        for name, metric in page.items():
            histogram = metric._type == "histogram"
            found.update([f"{name}{suffix}" for suffix in _SUFFIXES] if histogram else [name])
    return found


def missed(*arguments: str) -> list[dict[str, str]]:
    """Return the labels of each process that MekongGone, as it is shipped, looks for."""
    manifests = check.render("--set", "prometheus.rules=operator", *arguments)
    (shipped,) = [it for it in manifests if it["kind"] == "PrometheusRule"]
    spec: Any = shipped["spec"]
    (expression,) = [
        rule["expr"]
        for group in spec["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "MekongGone"
    ]
    found = re.findall(r"absent\(mekong_build_info\{([^}]*)\}\)", expression)
    return [dict(re.findall(r'(\w+)="([^"]*)"', each)) for each in found]


def described(service: str, region: str) -> dict[str, str]:
    """Return the labels that a process of a service tells of itself."""
    metrics.describe(service, region)
    (family,) = metrics.build_info.collect()
    (sample,) = family.samples
    return sample.labels


class TestRules:
    def test_every_metric_they_name_is_there(self) -> None:
        named = {name for rule in rules("expr") for name in _METRIC.findall(rule["expr"])}

        assert named - scraped() == set()
        assert len(named) > 20

    def test_every_recording_they_use_is_recorded(self) -> None:
        recorded = {rule["record"] for rule in rules("record")}
        used = {
            name
            for rule in rules("expr")
            for name in re.findall(r"mekong:[a-z0-9_:]+", rule["expr"])
        }

        assert used - recorded == set()

    def test_every_alert_says_how_urgent_it_is_and_where_to_read_on(self) -> None:
        for rule in rules("alert"):
            assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
            assert rule["annotations"]["summary"], rule["alert"]
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"

    def test_every_alert_is_tested_to_fire_and_not_to(self) -> None:
        tests = yaml.safe_load(check.RULES_TEST.read_text("utf-8"))["tests"]
        asked = [(it["alertname"], it["exp_alerts"]) for t in tests for it in t["alert_rule_test"]]
        fires = {
            (name, each["exp_labels"]["severity"]) for name, expected in asked for each in expected
        }
        rests = {name for name, expected in asked if not expected}

        wanted = {(rule["alert"], rule["labels"]["severity"]) for rule in rules("alert")}
        assert wanted - fires == set()
        assert {name for name, _ in wanted} - rests == set()


class TestRunbooks:
    def test_each_alert_has_one_and_each_one_an_alert(self) -> None:
        pages = {page.stem for page in RUNBOOKS.glob("Mekong*.md")}

        assert pages == {rule["alert"] for rule in rules("alert")}

    @pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("Mekong*.md")), ids=lambda it: it.stem)
    def test_each_tells_what_to_see_do_and_when_to_stop(self, page: Any) -> None:
        text = page.read_text("utf-8")

        assert text.startswith(f"# {page.stem}\n")
        for heading in ("## See", "## Do", "## Stop worrying when"):
            assert heading in text

    def test_their_commands_are_there(self) -> None:
        """Modules that pages run exist, and so do the metrics they name."""
        for page in RUNBOOKS.glob("*.md"):
            text = page.read_text("utf-8")
            for module in re.findall(r"python -m ((?:services|local)[a-z_.]*)", text):
                path = ROOT / module.replace(".", "/")
                assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
            # Patterns for grep name the beginning of several.
            found = scraped()
            unknown = {
                it for it in _METRIC.findall(text) if not any(each.startswith(it) for each in found)
            }
            assert not unknown, f"{page.name}: {unknown}"


class TestWhoIsGone:
    """MekongGone is about the services that the values expect."""

    REGION = (
        *(
            "--set",
            "services.notifier-sg.module=notifier",
            "--set",
            "services.notifier-sg.replicas=1",
        ),
        *("--set", "services.notifier-sg.database=true"),
        *("--set", "services.notifier-sg.settings.region=sg"),
    )

    def test_by_default_it_is_each_deployment_of_the_chart(self) -> None:
        deployed = [it for it in check.render() if it["kind"] == "Deployment"]

        assert len(missed()) == len(deployed) == len(SERVICES)

    @pytest.mark.parametrize("service", SERVICES)
    def test_what_it_looks_for_is_what_each_process_tells(self, service: str) -> None:
        """Each process tells it; the gateway without a region, since it has none."""
        told = {"service": service} if service == "gateway" else described(service, "vn")

        assert len([it for it in missed() if it.items() <= told.items()]) == 1

    def test_another_region_is_missed_too(self) -> None:
        found = missed(*self.REGION)

        assert {"service": "notifier", "region": "sg"} in found
        assert len(found) == len(SERVICES) + 1

    def test_one_that_is_not_to_run_is_not_missed(self) -> None:
        found = missed("--set", "services.leads.replicas=0")

        assert {"service": "leads"} not in found
        assert len(found) == len(SERVICES) - 1

    def test_a_house_of_which_nothing_is_to_run_has_rules_all_the_same(self) -> None:
        none = [part for it in SERVICES for part in ("--set", f"services.{it}.replicas=0")]

        assert missed(*none) == []


class TestTheChart:
    def test_it_ships_them_as_a_config_map_as_they_are(self) -> None:
        manifests = check.render("--set", "prometheus.rules=configmap")
        (shipped,) = [it for it in manifests if it["kind"] == "ConfigMap"]

        data: Any = shipped["data"]
        assert yaml.safe_load(data["mekong.yaml"])["groups"] == groups()

    def test_it_ships_them_for_the_operator(self) -> None:
        manifests = check.render(
            "--set", "prometheus.rules=operator", "--set", "prometheus.labels.a=b"
        )
        (shipped,) = [it for it in manifests if it["kind"] == "PrometheusRule"]

        spec: Any = shipped["spec"]
        metadata: Any = shipped["metadata"]
        assert spec["groups"] == groups()
        assert metadata["labels"]["a"] == "b"
