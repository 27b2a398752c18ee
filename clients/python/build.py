"""Builds the wheel: our own modules and the stubs of gen/, which are committed once, there."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
_LEFT_OUT = shutil.ignore_patterns("__pycache__")


def build(out: Path) -> Path:
    """Return the wheel, put into the folder `out`; asks no network."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        shutil.copytree(HERE / "src", stage / "src", ignore=_LEFT_OUT)
        shutil.copytree(ROOT / "gen" / "crm", stage / "src" / "crm", ignore=_LEFT_OUT)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(HERE / name, stage)
        shutil.copy(ROOT / "LICENSE", stage)
        command = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--offline"]
        subprocess.run([*command, "--out-dir", str(out), str(stage)], check=True)
    (wheel,) = out.glob("mekong_client-*.whl")
    return wheel


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1] if len(sys.argv) > 1 else HERE / 'dist'))}\n")
