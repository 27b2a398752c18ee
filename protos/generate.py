"""Generates gen/ from protos/: messages for every file, gRPC for the services, and the comments."""

import shlex
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = {"mypy": "main", "mypy_grpc": "grpc"}


def generate(out: Path) -> None:
    """Write the Python modules and type stubs of every proto into `out`, over what is there."""
    include = [f"-I{ROOT / 'protos'}", f"-I{files('grpc_tools') / '_proto'}"]
    every = sorted(str(path) for path in (ROOT / "protos" / "crm").rglob("*.proto"))
    services = [path for path in every if path.endswith("_service.proto")]
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, "gen")
        fresh.mkdir()
        plugins = [_plugin(Path(folder), name, entry) for name, entry in PLUGINS.items()]
        calls = [
            [f"--python_out={fresh}", f"--mypy_out=quiet:{fresh}", *every],
            [f"--grpc_python_out={fresh}", f"--mypy_grpc_out=quiet:{fresh}", *services],
            # The comments say what is required and what is output only; the REST API reads them.
            [f"--descriptor_set_out={fresh}/descriptors.binpb", "--include_source_info", *every],
        ]
        for arguments in calls:
            if protoc.main(["protoc", *include, *plugins, *arguments]) != 0:
                sys.exit("protoc refused the files; see above")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(fresh, out)


def _plugin(folder: Path, name: str, entry: str) -> str:
    """Write a launcher of a protoc plugin: installed ones break in a path with spaces."""
    launcher = folder / f"protoc-gen-{name}"
    program = f"from mypy_protobuf.main import {entry}; {entry}()"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{program}"\n')
    launcher.chmod(0o700)
    return f"--plugin=protoc-gen-{name}={launcher}"


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "gen")
