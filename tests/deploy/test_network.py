"""Who may connect to which pod: the callers that settings name, and whom the values add."""

import subprocess
from typing import Any

import pytest

from deploy import check

INSTANCE, COMPONENT, PART = (
    f"app.kubernetes.io/{it}" for it in ("instance", "component", "part-of")
)
CALLERS = {
    "leads": {"accounts", "campaigns", "gateway", "interactions"},
    "interactions": {"gateway", "leads"},
    "campaigns": {"gateway", "interactions", "leads", "notifier"},
    "notifier": {"accounts", "campaigns", "gateway", "interactions", "leads"},
    "accounts": {"gateway", "interactions", "leads"},
}
HOUSE = {"podSelector": {"matchLabels": {INSTANCE: "mekong", PART: "mekong"}}}
PROMETHEUS = {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
LETS_PROMETHEUS = ("--set", "networkPolicy.ops[0].namespaceSelector.matchLabels.name=monitoring")
ERP = {
    "namespaceSelector": {"matchLabels": {"name": "erp"}},
    "podSelector": {"matchLabels": {"app": "orders"}},
}
LETS_ERP = (
    *("--set", "networkPolicy.grpc.leads[0].namespaceSelector.matchLabels.name=erp"),
    *("--set", "networkPolicy.grpc.leads[0].podSelector.matchLabels.app=orders"),
)


def policies(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the specs of the policies by their names."""
    found = [it for it in manifests if it["kind"] == "NetworkPolicy"]
    return {it["metadata"]["name"]: it["spec"] for it in found}


def pods(manifests: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the labels of the pods of deployments and jobs, by their names."""
    return {
        it["metadata"]["name"]: it["spec"]["template"]["metadata"]["labels"]
        for it in manifests
        if it["kind"] in ("Deployment", "Job")
    }


def peers(policy: Any, port: str) -> list[Any] | None:
    """Return whom a policy lets in at a port: nobody for [], everybody for None."""
    rules = [it for it in policy["ingress"] if it["ports"] == [{"protocol": "TCP", "port": port}]]
    assert len(rules) < 2
    return rules[0].get("from") if rules else []


def components(found: list[Any] | None) -> set[str]:
    """Return the names of the services that peers are, each of this release."""
    labels = [it["podSelector"]["matchLabels"] for it in found or ()]
    assert all(it[INSTANCE] == "mekong" for it in labels)
    return {it[COMPONENT] for it in labels}


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    return check.render()


class TestOn:
    def test_nothing_comes_in_anywhere_unless_it_is_let_in(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        policy = policies(manifests)["mekong"]

        chosen = policy["podSelector"]["matchLabels"].items()
        assert "ingress" not in policy
        assert {name for name, labels in pods(manifests).items() if chosen <= labels.items()} == {
            *pods(manifests)
        }
        assert "mekong-migrate-leads" in pods(manifests)
        assert all(it["policyTypes"] == ["Ingress"] for it in policies(manifests).values())

    def test_each_deployment_has_one_of_its_own(self, manifests: list[dict[str, Any]]) -> None:
        for name in ("gateway", *CALLERS):
            chosen = policies(manifests)[f"mekong-{name}"]["podSelector"]["matchLabels"].items()
            assert {it for it, labels in pods(manifests).items() if chosen <= labels.items()} == {
                f"mekong-{name}"
            }

    @pytest.mark.parametrize("name", CALLERS)
    def test_a_service_is_called_by_those_that_name_it(
        self, manifests: list[dict[str, Any]], name: str
    ) -> None:
        assert components(peers(policies(manifests)[f"mekong-{name}"], "grpc")) == CALLERS[name]

    def test_pages_and_api_are_for_everybody(self, manifests: list[dict[str, Any]]) -> None:
        gateway = policies(manifests)["mekong-gateway"]

        assert peers(gateway, "web") is None
        assert peers(gateway, "grpc") == []

    def test_at_the_ops_port_the_house_reaches_accounts_and_nobody_else_anything(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        found = {name: peers(it, "ops") for name, it in policies(manifests).items() if "-" in name}

        assert found.pop("mekong-accounts") == [HOUSE]
        assert found == {f"mekong-{it}": [] for it in ("gateway", *CALLERS) if it != "accounts"}

    def test_who_reads_metrics_is_named(self) -> None:
        found = policies(check.render(*LETS_PROMETHEUS))

        for name in ("gateway", *CALLERS):
            added = [HOUSE] if name == "accounts" else []
            assert peers(found[f"mekong-{name}"], "ops") == [PROMETHEUS, *added]

    def test_so_may_be_who_opens_pages(self) -> None:
        made = check.render("--set", "networkPolicy.web[0].podSelector.matchLabels.app=proxy")

        gateway = policies(made)["mekong-gateway"]
        assert peers(gateway, "web") == [{"podSelector": {"matchLabels": {"app": "proxy"}}}]

    def test_a_second_notifier_is_let_in_and_called_as_settings_say(self) -> None:
        second = "services.notifier-sg"
        made = policies(
            check.render(
                *("--set", f"{second}.module=notifier", "--set", f"{second}.replicas=2"),
                *("--set", f"{second}.database=true"),
                *("--set", f"{second}.settings.campaigns_address=mekong-campaigns.crm.svc:8080"),
                *("--set", "services.leads.settings.further_notifiers=mekong-notifier-sg:8080"),
            )
        )

        assert components(peers(made["mekong-notifier-sg"], "grpc")) == {"leads"}
        callers = components(peers(made["mekong-campaigns"], "grpc"))
        assert callers == CALLERS["campaigns"] | {"notifier-sg"}

    @pytest.mark.parametrize("version", check.VERSIONS)
    def test_they_fit_each_kubernetes_version(self, version: str) -> None:
        check.validate(check.render(*LETS_PROMETHEUS), version)


class TestCallersFromOutside:
    """Who calls a service over gRPC from outside the release is named, service by service."""

    def test_they_are_let_in_beside_the_house(self) -> None:
        leads = peers(policies(check.render(*LETS_ERP))["mekong-leads"], "grpc")

        assert leads is not None
        assert leads[-1] == ERP
        assert components(leads[:-1]) == CALLERS["leads"]

    def test_nowhere_else(self) -> None:
        before, after = policies(check.render()), policies(check.render(*LETS_ERP))

        assert {name for name in before if before[name] != after[name]} == {"mekong-leads"}
        assert peers(after["mekong-leads"], "ops") == []

    def test_a_service_that_nobody_in_the_house_calls_may_be_called(self) -> None:
        made = policies(
            check.render(
                *("--set", "services.notifier-sg.module=notifier"),
                *("--set", "services.notifier-sg.replicas=1"),
                *("--set", "services.notifier-sg.database=true"),
                *("--set", "networkPolicy.grpc.notifier-sg[0].ipBlock.cidr=10.1.0.0/16"),
            )
        )

        assert peers(made["mekong-notifier-sg"], "grpc") == [{"ipBlock": {"cidr": "10.1.0.0/16"}}]

    def test_an_empty_list_is_nobody(self) -> None:
        assert policies(check.render("--set-json", "networkPolicy.grpc.leads=[]")) == policies(
            check.render()
        )

    @pytest.mark.parametrize("version", check.VERSIONS)
    def test_they_fit_each_kubernetes_version(self, version: str) -> None:
        check.validate(check.render(*LETS_ERP), version)


class TestOff:
    def test_there_is_none(self) -> None:
        assert policies(check.render("--set", "networkPolicy.enabled=false")) == {}


class TestBadValues:
    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ("networkPolicy.enabled=perhaps", "enabled"),
            ("networkPolicy.metrics=x", "metrics"),
            ("networkPolicy.ops[0].namespace=monitoring", "namespace"),
            ("networkPolicy.grpc.leads[0].namespace=erp", "namespace"),
            ("networkPolicy.grpc.lead[0].podSelector.matchLabels.a=b", "networkPolicy.grpc.lead:"),
            ("networkPolicy.grpc.gateway[0].podSelector.matchLabels.a=b", "grpc.gateway: no such"),
        ],
    )
    def test_they_are_refused_by_name(self, values: str, told: str) -> None:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            check.render("--set", values)

        assert told in refused.value.stderr
