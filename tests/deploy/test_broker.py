"""How pods reach the broker: its monitoring, credentials and TLS, of services and of the job."""

import subprocess
from typing import Any

import pytest

from deploy import check
from tests.deploy.test_chart import pods, settings_of

FOLDER = "/run/secrets/mekong"
MONITOR = ("--set", "settings.nats_monitor_url=http://nats-headless:8222")
TOPOLOGY = (
    *("--set", "topologyFiles.nats_creds_file.secret=nats-admin"),
    *("--set", "topologyFiles.nats_creds_file.key=user.creds"),
    *("--set", "topologyFiles.nats_tls_ca_file.secret=nats-tls"),
    *("--set", "topologyFiles.nats_tls_ca_file.key=ca.crt"),
)
SECRET_URL = (
    *("--set", "secretFiles.nats_url.secret=mekong-nats"),
    *("--set", "secretFiles.nats_url.key=url"),
)
SERVICES = ("accounts", "campaigns", "interactions", "leads", "notifier")
CLIENTS = {f"mekong-{prefix}{it}" for it in SERVICES for prefix in ("", "migrate-")}
CLIENTS.add("mekong-topology")


def containers(*arguments: str) -> dict[str, dict[str, Any]]:
    """Return the container of each deployment and job by its name."""
    return {
        it["metadata"]["name"]: it["spec"]["template"]["spec"]["containers"][0]
        for it in pods(check.render(*arguments))
    }


def given(setting: str, *arguments: str) -> dict[str, str]:
    """Return by deployment and job what each is given for a setting."""
    name = f"MEKONG_{setting.upper()}"
    return {
        pod: entry["value"]
        for pod, container in containers(*arguments).items()
        for entry in container["env"]
        if entry["name"] == name
    }


def sources(pod: str, *arguments: str) -> dict[str, tuple[str, str]]:
    """Return Secret and key by the name of each file that a pod mounts."""
    (found,) = [it for it in pods(check.render(*arguments)) if it["metadata"]["name"] == pod]
    volumes = found["spec"]["template"]["spec"]["volumes"]
    return {
        it["secret"]["items"][0]["path"]: (it["secret"]["name"], it["secret"]["items"][0]["key"])
        for volume in volumes
        if volume["name"] == "secrets"
        for it in volume["projected"]["sources"]
    }


def refused(*arguments: str) -> str:
    with pytest.raises(subprocess.CalledProcessError) as told:
        check.render(*arguments)
    return str(told.value.stderr)


class TestMonitoring:
    def test_all_who_have_a_broker_know_it_and_the_gateway_does_not(self) -> None:
        assert given("nats_monitor_url", *MONITOR) == dict.fromkeys(
            CLIENTS, "http://nats-headless:8222"
        )

    def test_without_it_nobody_asks(self) -> None:
        assert given("nats_monitor_url") == {}

    def test_what_is_no_address_is_refused(self) -> None:
        assert "nats_monitor_url" in refused("--set", "settings.nats_monitor_url=nats:8222")


class TestTopology:
    def test_it_has_its_files_and_nobody_else_has_them(self) -> None:
        for setting in ("nats_creds_file", "nats_tls_ca_file"):
            assert given(setting, *TOPOLOGY) == {"mekong-topology": f"{FOLDER}/{setting}"}

        assert sources("mekong-topology", *TOPOLOGY) == {
            "nats_creds_file": ("nats-admin", "user.creds"),
            "nats_tls_ca_file": ("nats-tls", "ca.crt"),
        }
        mounts = containers(*TOPOLOGY)["mekong-topology"]["volumeMounts"]
        assert {"name": "secrets", "mountPath": FOLDER, "readOnly": True} in mounts

    def test_without_any_it_mounts_no_secret(self) -> None:
        assert sources("mekong-topology") == {}
        assert [it["name"] for it in containers()["mekong-topology"]["volumeMounts"]] == ["tmp"]

    def test_an_unknown_file_is_refused_by_name(self) -> None:
        path = "topologyFiles.client_secret"

        assert "client_secret" in refused("--set", f"{path}.secret=a", "--set", f"{path}.key=b")


class TestSecretUrl:
    """A URL with a password comes from a Secret, and the plain one is not given beside it."""

    def test_it_takes_the_place_of_the_plain_one(self) -> None:
        assert given("nats_url", *SECRET_URL) == {}
        assert given("nats_url_file", *SECRET_URL) == dict.fromkeys(CLIENTS, f"{FOLDER}/nats_url")
        for pod in ("mekong-leads", "mekong-topology"):
            assert sources(pod, *SECRET_URL)["nats_url"] == ("mekong-nats", "url")

    def test_the_gateway_does_not_even_mount_it(self) -> None:
        assert "nats_url" not in sources("mekong-gateway", *SECRET_URL)

    def test_the_job_may_have_one_of_its_own(self) -> None:
        own = ("--set", "topologySecretFiles.nats_url.secret=nats-admin")
        found = (*SECRET_URL, *own, "--set", "topologySecretFiles.nats_url.key=url")

        assert sources("mekong-topology", *found) == {"nats_url": ("nats-admin", "url")}
        assert sources("mekong-leads", *found)["nats_url"] == ("mekong-nats", "url")

    def test_any_other_setting_of_a_service_may_come_so_too(self) -> None:
        path = "services.leads.secretFiles.accounts_address"
        found = ("--set", f"{path}.secret=a", "--set", f"{path}.key=b")

        assert "mekong-leads" not in given("accounts_address", *found)
        assert "mekong-leads" in given("accounts_address_file", *found)


class TestAllTogether:
    ALL = (*MONITOR, *TOPOLOGY, *SECRET_URL)

    def test_each_setting_is_one_that_the_process_knows_once(self) -> None:
        for pod, container in containers(*self.ALL).items():
            known = settings_of(container)
            names = [it["name"].removeprefix("MEKONG_").lower() for it in container["env"]]
            settings = [it if it in known else it.removesuffix("_file") for it in names]
            assert set(settings) <= set(known), pod
            assert len(set(settings)) == len(settings), pod

    @pytest.mark.parametrize("version", check.VERSIONS)
    def test_they_fit_each_kubernetes_version(self, version: str) -> None:
        check.validate(check.render(*self.ALL), version)
