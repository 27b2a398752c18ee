"""What is in an image, as CycloneDX 1.6, from the locks it is installed from.

`python -m deploy.sbom FOLDER` writes SERVICE.cdx.json for each service. Nothing is asked of
anybody, and the same locks give the same bytes.
"""

import json
import re
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("accounts", "campaigns", "gateway", "interactions", "leads", "notifier")
ASSETS = ROOT / "services" / "gateway" / "assets" / "package-lock.json"

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def main(folder: Path) -> None:
    """Write the file of each service."""
    folder.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        (folder / f"{service}.cdx.json").write_text(document(service), encoding="utf-8")


def document(service: str) -> str:
    """Return the inventory of a service's image as JSON."""
    components = list(packages(ROOT / "requirements" / f"{service}.txt"))
    if service == "gateway":
        components += bundled(ASSETS)
    bom = Bom(components=sorted(components, key=lambda it: str(it.bom_ref.value)))
    bom.metadata.component = Component(
        name=f"mekong-{service}", type=ComponentType.APPLICATION, bom_ref=f"mekong-{service}"
    )
    # Of nothing but the locks, so that the same ones give the same document.
    bom.metadata.timestamp = datetime(1970, 1, 1, tzinfo=UTC)
    names = " ".join(str(it.bom_ref.value) for it in bom.components)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"mekong-{service} {names}")
    bom.register_dependency(bom.metadata.component, bom.components)
    return f"{JsonV1Dot6(bom).output_as_string(indent=2)}\n"


def packages(lock: Path) -> Iterator[Component]:
    """Yield what a lock of Python packages pins, with the hashes of its files."""
    for block in re.split(r"\n(?=\S)", lock.read_text("utf-8")):
        pinned = _PINNED.match(block)
        if pinned is None:
            continue
        name = re.sub(r"[-_.]+", "-", pinned["name"]).lower()
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=it) for it in _HASH.findall(block)]
        yield _component(PackageURL("pypi", name=name, version=pinned["version"]), hashes)


def bundled(lock: Path) -> Iterator[Component]:
    """Yield what of a package-lock.json ends up in the bundle: no tools, no other platforms."""
    held = json.loads(lock.read_text("utf-8"))["packages"]
    for path, package in held.items():
        tool = package.get("dev") or package.get("optional") or path.endswith("/esbuild")
        if not path or tool:
            continue
        scope, _, name = path.rpartition("node_modules/")[2].rpartition("/")
        yield _component(PackageURL("npm", scope or None, name, package["version"]), [])


def _component(purl: PackageURL, hashes: list[HashType]) -> Component:
    return Component(
        name=f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name,
        version=purl.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=hashes,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
