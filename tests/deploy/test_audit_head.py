"""The volume for the audit chain's head: written by accounts alone, there only when asked for."""

import subprocess
from typing import Any

import pytest

from deploy import check

ON = ("--set", "services.accounts.auditHead.enabled=true")
FOLDER, SETTING = "/var/lib/mekong/audit-head", "MEKONG_AUDIT_HEAD_FILE"


def pods(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the pod specs of deployments and jobs by their names."""
    kinds = ("Deployment", "Job")
    found = [it for it in manifests if it["kind"] in kinds]
    return {it["metadata"]["name"]: it["spec"]["template"]["spec"] for it in found}


def claims(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [it for it in manifests if it["kind"] == "PersistentVolumeClaim"]


def heads(pod: dict[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return a pod's claims, its mounts of the folder and its values of the setting."""
    (container,) = pod["containers"]
    return (
        [it for it in pod["volumes"] if "persistentVolumeClaim" in it],
        [it for it in container["volumeMounts"] if it["mountPath"] == FOLDER],
        [it["value"] for it in container["env"] if it["name"] == SETTING],
    )


@pytest.fixture(scope="module")
def made() -> list[dict[str, Any]]:
    return check.render(*ON)


class TestOn:
    def test_accounts_writes_the_file_on_the_claim(self, made: list[dict[str, Any]]) -> None:
        (volume,), (mount,), (file,) = heads(pods(made)["mekong-accounts"])

        assert volume["persistentVolumeClaim"] == {"claimName": "mekong-accounts-audit-head"}
        assert mount == {"name": volume["name"], "mountPath": FOLDER}
        assert file.startswith(f"{FOLDER}/")

    def test_nothing_else_has_it(self, made: list[dict[str, Any]]) -> None:
        others = {name: pod for name, pod in pods(made).items() if name != "mekong-accounts"}

        assert "mekong-migrate-accounts" in others
        assert {
            name: heads(pod) for name, pod in others.items() if heads(pod) != ([], [], [])
        } == {}

    def test_the_claim_is_for_many_and_outlives_the_release(
        self, made: list[dict[str, Any]]
    ) -> None:
        (claim,) = claims(made)

        assert claim["metadata"]["name"] == "mekong-accounts-audit-head"
        assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        assert claim["spec"] == {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        }

    def test_its_class_size_and_modes_may_be_chosen(self) -> None:
        path = "services.accounts.auditHead"
        (claim,) = claims(
            check.render(
                *(*ON, "--set", f"{path}.storageClass=worm", "--set", f"{path}.size=2Gi"),
                *("--set", f"{path}.accessModes={{ReadWriteOnce}}"),
            )
        )

        assert claim["spec"] == {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "worm",
            "resources": {"requests": {"storage": "2Gi"}},
        }

    def test_a_claim_that_is_there_is_used(self) -> None:
        made = check.render(*ON, "--set", "services.accounts.auditHead.existingClaim=heads")

        ((volume,), *_) = heads(pods(made)["mekong-accounts"])
        assert volume["persistentVolumeClaim"] == {"claimName": "heads"}
        assert claims(made) == []

    @pytest.mark.parametrize("version", check.VERSIONS)
    def test_it_fits_each_kubernetes_version(
        self, made: list[dict[str, Any]], version: str
    ) -> None:
        check.validate(made, version)


class TestOff:
    def test_there_is_no_claim_and_no_volume(self) -> None:
        made = check.render()

        assert claims(made) == []
        assert heads(pods(made)["mekong-accounts"]) == ([], [], [])


class TestBadValues:
    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ("services.leads.auditHead.enabled=true", "only accounts keeps the audit chain"),
            ("services.accounts.auditHead.size=much", "size"),
            ("services.accounts.auditHead.accessModes={ReadOnlyMany}", "accessModes"),
            ("services.accounts.auditHead.path=/x", "path"),
            ("services.accounts.settings.audit_head_file=/x", "give auditHead or"),
        ],
    )
    def test_they_are_refused_by_name(self, values: str, told: str) -> None:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            check.render(*ON, "--set", values)

        assert told in refused.value.stderr
