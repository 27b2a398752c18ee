"""docs/kubernetes.md and its example values say what the chart has, wants and does."""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from pydantic import SecretStr

from chassis import sealing
from deploy import check
from local.postgres import Postgres
from tests.deploy.test_chart import pods, settings_of
from tests.docs.test_docs import ROOT

PAGE = ROOT / "docs" / "kubernetes.md"
EXAMPLE = ("--values", str(check.EXAMPLE))
SERVICES = ("leads", "interactions", "campaigns", "notifier", "accounts", "gateway")
OWNERS = SERVICES[:-1]


def values(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


DEFAULTS, HOUSE = values(check.CHART / "values.yaml"), values(check.EXAMPLE)
SCHEMA = json.loads((check.CHART / "values.schema.json").read_text("utf-8"))


def blocks(language: str) -> list[str]:
    """Return the blocks of code of a language on the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M)


def commands() -> str:
    return "\n".join(blocks("sh"))


@pytest.fixture(scope="module")
def manifests() -> list[dict[str, Any]]:
    return check.render(*EXAMPLE)


def wanted(manifests: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Return Secret and key of what pods cannot start without; `*` for a whole Secret."""
    found = set()
    for manifest in pods(manifests):
        for volume in manifest["spec"]["template"]["spec"]["volumes"]:
            if "secret" in volume:
                found.add((volume["secret"]["secretName"], "*"))
            for source in volume.get("projected", {}).get("sources", ()):
                secret = source["secret"]
                if not secret.get("optional"):
                    found.update((secret["name"], it["key"]) for it in secret["items"])
    return found


def created() -> set[tuple[str, str]]:
    """Return Secret and key of what the page has made; `*` for a folder."""
    text = commands().replace("\\\n", " ")
    return {
        (name, "*" if given == "dkim" else given.partition("=")[0])
        for name, rest in re.findall(r"kubectl create secret generic (\S+)(.*)", text)
        for given in re.findall(r"--from-file=(\S+)", rest)
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the page's commands for secrets fill; kubectl only looks for files."""
    folder = tmp_path_factory.mktemp("secrets")
    (stand_in := folder / "kubectl").write_text(
        "#!/bin/sh\n"
        'for it; do case "$it" in --from-file=*) test -s "${it##*=}" || exit 1; esac; done\n'
    )
    stand_in.chmod(0o755)
    (script,) = [it for it in blocks("sh") if "service_clients.json" in it]
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "NATS_PASSWORD": "n4ts",
            "SMTP_PASSWORD": "sm/tp",
        },
        check=True,
    )
    return folder / "mekong-secrets"


class TestExample:
    @pytest.mark.parametrize("version", check.VERSIONS)
    def test_it_is_what_each_kubernetes_version_takes(
        self, manifests: list[dict[str, Any]], version: str
    ) -> None:
        check.validate(manifests, version)

    def test_each_process_knows_its_settings_and_has_those_it_needs(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        for manifest in pods(manifests):
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            known = settings_of(container)
            names = {it["name"].removeprefix("MEKONG_").lower() for it in container["env"]}
            given = {it if it in known else it.removesuffix("_file") for it in names}
            needed = {name for name, field in known.items() if field.is_required()}
            assert given <= set(known), manifest["metadata"]["name"]
            assert needed <= given, manifest["metadata"]["name"]

    def test_it_says_anew_what_no_house_has_in_common(self) -> None:
        """Where the chart itself has an example's address, the example file has one, too."""
        for name, service in DEFAULTS["services"].items():
            for key, value in service["settings"].items():
                if "example.com" in value:
                    assert key in HOUSE["services"][name]["settings"], f"{name}: {key}"
        assert "host" in HOUSE["ingress"]

    def test_nobody_but_who_is_named_comes_in(self) -> None:
        assert HOUSE["networkPolicy"]["enabled"] is True
        assert HOUSE["networkPolicy"]["web"]
        assert HOUSE["networkPolicy"]["ops"]


class TestSecrets:
    def test_each_that_a_pod_needs_is_made_and_no_other(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        assert created() == wanted(manifests)

    def test_their_files_are_there_and_for_nobody_else(self, made: Path) -> None:
        for file in made.iterdir():
            assert file.stat().st_size, file.name
            assert file.stat().st_mode & 0o077 == 0, file.name

    def test_accounts_knows_who_calls_by_the_hash_of_what_they_have(self, made: Path) -> None:
        known = json.loads((made / "service_clients.json").read_text())

        assert known == {
            name: hashlib.sha256((made / f"client_{name}").read_bytes()).hexdigest()
            for name in SERVICES
            if name != "accounts"
        }

    def test_keys_are_such_as_the_services_take(self, made: Path) -> None:
        from services.accounts.config import Settings

        key = (made / "key_encryption_key").read_text()
        checked = Settings._key_has_256_bits(SecretStr(key))

        assert checked.get_secret_value() == key
        assert sealing.Keys(made / "field_keys").newest == "k1"
        assert len({(made / f"client_{it}").read_text() for it in SERVICES}) == len(SERVICES)


class TestWithoutKeysForMails:
    def test_there_is_no_folder_then(self) -> None:
        made = check.render(*EXAMPLE, "--set", "services.notifier.folders.dkim_folder=null")

        assert created() - wanted(made) == {("mekong-dkim", "*")}


class TestDatabases:
    @pytest.fixture
    def server(self, postgres: Postgres, made: Path) -> Iterator[Postgres]:
        """The page's roles and databases, made as it says, on a server of today."""
        superuser = postgres.url("postgres").replace("+psycopg", "")
        statements = (made / "databases.sql").read_text().split(";\n")
        with psycopg.connect(superuser, autocommit=True) as connection:
            for it in filter(None, statements):
                connection.execute(it.encode())
            yield postgres
            for name in OWNERS:
                connection.execute(f"DROP DATABASE mekong_{name} WITH (FORCE)".encode())
                connection.execute(f"DROP ROLE mekong_{name}".encode())

    def test_each_service_gets_in_by_its_url_and_makes_what_it_needs(
        self, server: Postgres, made: Path
    ) -> None:
        for name in OWNERS:
            url = (made / f"database_{name}").read_text()
            local = url.replace("postgres.database:5432", f"127.0.0.1:{server.port}")
            plain = local.replace("+psycopg", "").replace("sslmode=require", "sslmode=disable")
            with psycopg.connect(plain) as connection:
                connection.execute("CREATE EXTENSION unaccent")
                connection.execute("CREATE EXTENSION pg_trgm")
                connection.execute("CREATE TABLE here (id int)")


class TestPage:
    def test_values_that_it_names_are_there(self) -> None:
        text = PAGE.read_text("utf-8")
        roots = "|".join(sorted(SCHEMA["properties"], key=len, reverse=True))
        named = set(re.findall(rf"`((?:{roots})(?:\.[\w<>-]+)*)(?:: [^`]*)?`", text))

        assert len(named) > 20
        assert [it for it in named if not _is_value(it.split("."), SCHEMA)] == []

    def test_it_names_each_that_the_chart_requires(self) -> None:
        text = PAGE.read_text("utf-8")

        assert [it for it in SCHEMA["required"] if f"`{it}`" not in text] == []

    def test_settings_that_it_names_are_there(self) -> None:
        from tests.docs.test_docs import generator

        known = {
            name.lower().removeprefix("mekong_")
            for name in re.findall(r"`(MEKONG_\w+)`", "\n".join(generator()._settings()))
        }
        text = PAGE.read_text("utf-8")
        named = set(
            re.findall(r"`((?:smtp|smpp|oidc|email|nats|grpc|outbox|database)_\w+)\b", text)
        )

        assert named - known == set()
        assert len(named) > 10

    def test_what_its_commands_name_is_there(self, manifests: list[dict[str, Any]]) -> None:
        kinds = {"deploy": "Deployment", "job": "Job"}
        there = {(it["kind"], it["metadata"]["name"]) for it in manifests}
        text = PAGE.read_text("utf-8")

        for kind, name in re.findall(r"\b(deploy|job)/(mekong[\w-]*)", text):
            assert (kinds[kind], name) in there, name
        for module in re.findall(r"python -m (services[\w.]*)", text):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module

    def test_its_yaml_can_be_read_and_metrics_have_the_port_it_names(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        _, monitor = (yaml.safe_load(it) for it in blocks("yaml"))
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        chosen = monitor["spec"]["selector"]["matchLabels"].items()

        for it in (it for it in manifests if it["kind"] == "Deployment"):
            template: Any = it["spec"]
            (container,) = template["template"]["spec"]["containers"]
            assert endpoint["port"] in {port["name"] for port in container["ports"]}
            assert chosen <= template["template"]["metadata"]["labels"].items()

    def test_it_asks_for_the_kubernetes_that_the_chart_asks_for(
        self, manifests: list[dict[str, Any]]
    ) -> None:
        asked = values(check.CHART / "Chart.yaml")["kubeVersion"]
        sleeps = [
            it
            for it in pods(manifests)
            if "lifecycle" in it["spec"]["template"]["spec"]["containers"][0]
        ]

        assert asked == ">=1.30.0-0"
        assert "| Kubernetes 1.30 or newer" in PAGE.read_text("utf-8")
        assert sleeps, "1.29 has no sleep before the stop unless a feature gate is opened"

    def test_the_readme_leads_there(self) -> None:
        assert "docs/kubernetes.md" in (ROOT / "README.md").read_text("utf-8")


def _is_value(path: list[str], schema: dict[str, Any]) -> bool:
    """Tell whether the schema has a value at a path, whose `<name>` stands for any name."""
    if "$ref" in schema:
        return _is_value(path, SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]])
    if not path:
        return True
    options = [schema, *schema.get("allOf", ())]
    for option in options:
        if "$ref" in option and _is_value(path, option):
            return True
        if path[0] in option.get("properties", {}):
            return _is_value(path[1:], option["properties"][path[0]])
        if isinstance(option.get("additionalProperties"), dict):
            return _is_value(path[1:], option["additionalProperties"])
    return False
