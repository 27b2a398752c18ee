"""Generates gen/ from protos/: messages for every file, gRPC only for the services."""

import shutil
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent


def generate(out: Path) -> None:
    """Write the Python modules and type stubs of every proto into `out`, replacing what is there."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    include = [f"-I{ROOT / 'protos'}", f"-I{files('grpc_tools') / '_proto'}"]
    every = sorted(str(path) for path in (ROOT / "protos" / "crm").rglob("*.proto"))
    services = [path for path in every if path.endswith("_service.proto")]
    calls = [
        [f"--python_out={out}", f"--mypy_out=quiet:{out}", *every],
        [f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services],
    ]
    for arguments in calls:
        if protoc.main(["protoc", *include, *arguments]) != 0:
            sys.exit("protoc refused the files; see above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "gen")
