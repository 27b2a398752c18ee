"""The package as others have it: its wheel, installed alone into a folder."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from local.home import ROOT

CLIENT = ROOT / "clients" / "python"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as it is published."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, str(CLIENT / "build.py"), str(out)], check=True, cwd=out)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is in the wheel and nothing else."""
    target = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
    subprocess.run([*install, "--target", str(target), str(wheel)], check=True)
    return target


@pytest.fixture(scope="session")
def run(installed: Path) -> Run:
    """Runs Python with the installed package and the locked libraries, but nothing of this tree."""

    def run(
        *arguments: str, variables: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("MEKONG_")}
        environment = {**kept, "PYTHONPATH": str(installed), **(variables or {})}
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            env=environment,
            cwd=installed,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run
