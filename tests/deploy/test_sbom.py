"""The inventory of each image is valid CycloneDX and names all that its locks pin."""

import json
import re
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy import audit, sbom

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=sbom.SERVICES)
def document(request):
    return request.param, sbom.document(request.param)


class TestInventory:
    def test_it_is_what_the_standard_asks_for(self, document):
        wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document[1])

        assert wrong is None, wrong

    def test_it_names_each_package_of_the_lock_with_its_hashes(self, document):
        service, text = document
        lock = (ROOT / "requirements" / f"{service}.txt").read_text("utf-8")
        pinned = {
            (re.sub(r"[-_.]+", "-", name).lower(), version)
            for name, version in re.findall(r"(?m)^([\w.-]+)(?:\[.*\])?==([^\s;\\]+)", lock)
        }

        held = [it for it in json.loads(text)["components"] if it["purl"].startswith("pkg:pypi/")]

        assert {(it["name"], it["version"]) for it in held} == pinned
        assert len(pinned) > 10
        assert all(it["hashes"] for it in held)

    def test_the_same_locks_give_the_same_document(self, document):
        assert sbom.document(document[0]) == document[1]

    def test_the_gateway_has_what_browsers_get_and_no_tools(self):
        held = {it["purl"] for it in json.loads(sbom.document("gateway"))["components"]}

        names = {it.rpartition("@")[0] for it in held if it.startswith("pkg:npm/")}
        assert {"pkg:npm/%40tabler/core", "pkg:npm/htmx.org"} <= names
        assert not any("esbuild" in it or "axe-core" in it for it in names)

    def test_each_is_written(self, tmp_path):
        sbom.main(tmp_path / "sbom")

        written = sorted(it.name for it in (tmp_path / "sbom").iterdir())
        assert written == [f"{it}.cdx.json" for it in sbom.SERVICES]


class TestAudit:
    def test_a_known_weakness_is_named_with_what_mends_it(self):
        weak = {"id": "CVE-1", "fix_versions": ["1.1"]}
        out = json.dumps(
            {
                "dependencies": [
                    {"name": "a", "version": "1.0", "vulns": [weak]},
                    {"name": "b", "version": "2.0", "vulns": []},
                    {"name": "c", "skip_reason": "not found"},
                ]
            }
        )

        told = audit.read(out, "Found 1 known vulnerability in 1 package")

        assert told.found == ["a 1.0: CVE-1 (mended in 1.1)"]
        assert (told.compared, told.unreached) == (2, "")

    @pytest.mark.parametrize("out", ["", "no json", "[]"])
    def test_without_a_way_to_the_advisories_it_says_so(self, out):
        told = audit.read(out, "a\nConnectionError: nobody there\n")

        assert told.unreached == "ConnectionError: nobody there"
        assert told.found == ()

    @pytest.mark.parametrize(
        ("told", "code", "said"),
        [
            (audit.Told(unreached="x"), 0, "NOT COMPARED"),
            (audit.Told(compared=3), 0, "3 packages compared, 0 weaknesses"),
            (audit.Told(["a 1.0: CVE-1"], 3), 1, "CVE-1"),
        ],
        ids=["unreached", "sound", "weak"],
    )
    def test_only_a_weakness_is_a_failure(self, monkeypatch, capsys, told, code, said):
        monkeypatch.setattr(audit, "audit", lambda _: told)

        assert audit.main() == code
        assert said in capsys.readouterr().out
