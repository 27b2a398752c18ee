"""The chart renders what Kubernetes takes, hardened, and what the services understand."""

import importlib
import json
import subprocess
from typing import Any

import pytest

from deploy import check

PREFIX = "MEKONG_"


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    return check.render()


def pods(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m for m in manifests if m["kind"] in ("Deployment", "Job")]


class TestManifests:
    @pytest.mark.parametrize("version", check.VERSIONS)
    def test_they_fit_each_kubernetes_version(
        self, manifests: list[dict[str, Any]], version: str
    ) -> None:
        check.validate(manifests, version)

    @pytest.mark.parametrize("arguments", check.VARIANTS)
    def test_so_do_those_of_all_values_that_are_checked(self, arguments: tuple[str, ...]) -> None:
        made = check.render(*arguments)

        for version in check.VERSIONS:
            check.validate(made, version)

    def test_every_pod_meets_the_restricted_standard(self, manifests: list[dict[str, Any]]) -> None:
        for manifest in pods(manifests):
            spec = manifest["spec"]["template"]["spec"]
            (container,) = spec["containers"]
            assert spec["securityContext"]["runAsNonRoot"] is True
            assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]

    def test_no_secret_value_is_in_any_manifest(self, manifests: list[dict[str, Any]]) -> None:
        assert not [m for m in manifests if m["kind"] == "Secret"]
        for manifest in pods(manifests):
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            for entry in container["env"]:
                secret = any(word in entry["name"] for word in ("SECRET", "PASSWORD", "KEY"))
                assert not secret or entry["name"].endswith("_FILE"), entry["name"]

    def test_every_setting_is_one_that_the_service_knows(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        for manifest in pods(manifests):
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            known = settings_of(container)
            for entry in container["env"]:
                name = entry["name"].removeprefix(PREFIX).lower()
                assert name in known or name.removesuffix("_file") in known, (
                    f"{manifest['metadata']['name']}: {entry['name']}"
                )

    def test_every_required_setting_is_given(self, manifests: list[dict[str, Any]]) -> None:
        for manifest in pods(manifests):
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            given = {entry["name"].removeprefix(PREFIX).lower() for entry in container["env"]}
            for name, field in settings_of(container).items():
                assert not field.is_required() or {name, f"{name}_file"} & given, (
                    f"{manifest['metadata']['name']} lacks {name}"
                )

    def test_a_folder_of_secrets_is_mounted_where_its_setting_says(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        (made,) = [
            m
            for m in manifests
            if m["kind"] == "Deployment" and m["metadata"]["name"] == "mekong-notifier"
        ]
        spec = made["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        given = {it["name"]: it["value"] for it in container["env"]}
        mounts = {it["mountPath"]: it for it in container["volumeMounts"]}
        volumes = {it["name"]: it for it in spec["volumes"]}

        mount = mounts[given["MEKONG_DKIM_FOLDER"]]

        assert mount["readOnly"] is True
        assert volumes[mount["name"]]["secret"]["secretName"] == "mekong-dkim"


class TestTheIngressCertificate:
    """The gateway tells when it expires: it alone mounts it, and starts without it."""

    SETTING = "MEKONG_PUBLIC_TLS_CERT_FILE"
    ON = ("--set", "ingress.enabled=true", "--set", "ingress.tlsSecret=crm-tls")

    def mounted(self, *arguments: str) -> dict[str, tuple[str, list[Any]]]:
        """Return the file and its sources by the deployments that have the setting."""
        found = {}
        for manifest in pods(check.render(*arguments)):
            spec = manifest["spec"]["template"]["spec"]
            given = {it["name"]: it.get("value") for it in spec["containers"][0]["env"]}
            if self.SETTING in given:
                (volume,) = [it for it in spec["volumes"] if it["name"] == "secrets"]
                sources = [it["secret"] for it in volume["projected"]["sources"]]
                of_it = [it for it in sources if it["items"][0]["path"] == "public_tls_cert_file"]
                found[manifest["metadata"]["name"]] = (given[self.SETTING], of_it)
        return found

    def test_it_is_there_without_its_key(self) -> None:
        source = {
            "name": "crm-tls",
            "items": [{"key": "tls.crt", "path": "public_tls_cert_file"}],
            "optional": True,
        }

        assert self.mounted(*self.ON) == {
            "mekong-gateway": ("/run/secrets/mekong/public_tls_cert_file", [source])
        }

    def test_another_may_be_named(self) -> None:
        own = "services.gateway.files.public_tls_cert_file"
        ((_, (source,)),) = self.mounted(
            *(*self.ON, "--set", f"{own}.secret=front", "--set", f"{own}.key=shown.pem")
        ).values()

        assert source == {
            "name": "front",
            "items": [{"key": "shown.pem", "path": "public_tls_cert_file"}],
        }

    def test_without_one_there_is_none(self) -> None:
        assert self.mounted() == {}
        assert self.mounted("--set", "ingress.enabled=true") == {}


def settings_of(container: dict[str, Any]) -> dict[str, Any]:
    """Return the settings fields of the program that a container runs."""
    module = container["image"].rpartition("/")[2].rpartition(":")[0].partition("-")[2]
    if "services.topology" in container.get("command", ()):
        from services.topology import Settings

        return dict(Settings.model_fields)
    return dict(importlib.import_module(f"services.{module}.config").Settings.model_fields)


class TestBadValues:
    @pytest.mark.parametrize(
        ("argument", "told"),
        [
            ("services.leads.replicas=many", "replicas"),
            ("services.leads.sesrets=x", "sesrets"),
            ("ports.grpc=80", "grpc"),
            ("settings.Log-Level=info", "Log-Level"),
        ],
    )
    def test_they_are_refused_by_name(self, argument: str, told: str) -> None:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            check.render("--set", argument)

        assert told in refused.value.stderr


class TestSchema:
    """What the schema says of values, which editors show."""

    @pytest.mark.parametrize(
        "path",
        [
            ("settings", "nats_monitor_url"),
            ("topologyFiles",),
            ("topologySecretFiles",),
            ("networkPolicy", "grpc"),
            ("ingress", "annotations"),
        ],
    )
    def test_what_a_value_is_for_stands_with_it(self, path: tuple[str, ...]) -> None:
        it = json.loads((check.CHART / "values.schema.json").read_text("utf-8"))
        for name in path:
            it = it["properties"][name]

        assert len(it["description"]) > 40


class TestRegions:
    def test_a_second_notifier_is_one_more_entry(self) -> None:
        manifests = check.render(
            *("--set", "services.notifier-sg.module=notifier"),
            *("--set", "services.notifier-sg.replicas=2"),
            *("--set", "services.notifier-sg.database=true"),
            *("--set", "services.notifier-sg.settings.region=sg"),
        )

        (made,) = [
            m
            for m in manifests
            if m["kind"] == "Deployment" and m["metadata"]["name"] == "mekong-notifier-sg"
        ]
        (container,) = made["spec"]["template"]["spec"]["containers"]
        assert container["image"].startswith("mekong-notifier:")
        assert {"name": "MEKONG_REGION", "value": "sg"} in container["env"]


class TestIngress:
    def test_it_has_the_annotations_that_its_controller_needs(self) -> None:
        given = "ingress.annotations.nginx\\.ingress\\.kubernetes\\.io/proxy-body-size=200m"
        manifests = check.render("--set", "ingress.enabled=true", "--set", given)

        (made,) = [it for it in manifests if it["kind"] == "Ingress"]
        metadata: Any = made["metadata"]
        assert metadata["annotations"] == {"nginx.ingress.kubernetes.io/proxy-body-size": "200m"}


class TestOrder:
    """One service may stay at another release, its migration too: notes of a release ask for it."""

    def test_the_others_go_on(self) -> None:
        manifests = check.render("--set", "image.tag=v2", "--set", "services.accounts.tag=v1")

        images = {
            m["metadata"]["name"]: m["spec"]["template"]["spec"]["containers"][0]["image"]
            for m in pods(manifests)
        }
        kept = {name for name, image in images.items() if image.endswith(":v1")}
        assert kept == {"mekong-accounts", "mekong-migrate-accounts"}
        assert {it.rpartition(":")[2] for name, it in images.items() if name not in kept} == {"v2"}


class TestDockerfile:
    def test_it_has_no_finding(self) -> None:
        check.dockerfile()
