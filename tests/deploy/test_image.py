"""Each image holds the code that its service imports: what the Dockerfile copies is enough."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("accounts", "campaigns", "gateway", "interactions", "leads", "notifier")


def copied(service: str, to: Path) -> None:
    """Copy what the last stage of the Dockerfile copies from the checkout."""
    stage = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    for line in re.findall(r"^COPY (?!--)(.+)$", stage.replace("${SERVICE}", service), re.M):
        *sources, target = line.split()
        for source in sources:
            found = sorted(ROOT.glob(source.rstrip("/")))
            assert found, f"nothing is {source}"
            for each in found:
                if each.is_dir():
                    shutil.copytree(each, to / target, ignore=_not_code, dirs_exist_ok=True)
                else:
                    (to / target).mkdir(parents=True, exist_ok=True)
                    shutil.copy(each, to / target)


class TestImage:
    @pytest.mark.parametrize("service", SERVICES)
    def test_its_service_and_its_tools_can_be_imported(self, service: str, tmp_path: Path) -> None:
        copied(service, tmp_path)
        code = f"import services.{service}.__main__, services.letters"
        path = os.pathsep.join([str(tmp_path), str(tmp_path / "gen")])

        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.returncode, done.stderr) == (0, "")


def _not_code(folder: str, names: list[str]) -> set[str]:
    return {it for it in names if it in {"node_modules", "static", "__pycache__"}}
