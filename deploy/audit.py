"""Compare what the images hold with published advisories: `python -m deploy.audit`.

Ends with 1 when a weakness is known, and with 0 and a clear word when nothing could be compared: a
machine without a way to the advisories is no reason that nothing may land.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 15
_LOCK = ROOT / "requirements" / "local.txt"  # holds what each image holds


@dataclass(frozen=True)
class Told:
    """What an audit came to: the weaknesses, or why nothing was compared."""

    found: Sequence[str] = ()
    compared: int = 0
    unreached: str = ""


def main() -> int:
    """Run it, say what came of it, and return the code to end with."""
    told = audit(_LOCK)
    if told.unreached:
        sys.stdout.write(f"NOT COMPARED: the advisories could not be reached ({told.unreached}).\n")
        return 0
    for line in told.found:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{told.compared} packages compared, {len(told.found)} weaknesses known.\n")
    return 1 if told.found else 0


def audit(lock: Path) -> Told:
    """Ask pip-audit about a lock; nothing is installed, and no other version is looked for."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--no-deps"]
    options = ["--disable-pip", "--format", "json", "--vulnerability-service", "osv"]
    done = subprocess.run(
        [*command, *options, "--progress-spinner", "off", "--timeout", str(SECONDS)],
        capture_output=True,
        text=True,
        check=False,
    )
    return read(done.stdout, done.stderr)


def read(out: str, err: str) -> Told:
    """Return what pip-audit said; without a document it did not get as far as to compare."""
    try:
        dependencies = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = [line for line in err.splitlines() if line.strip()]
        return Told(unreached=lines[-1][:200] if lines else "no answer")
    compared = [it for it in dependencies if "vulns" in it]
    found = [
        f"{it['name']} {it['version']}: {weakness['id']}"
        f" (mended in {', '.join(weakness['fix_versions']) or 'nothing yet'})"
        for it in compared
        for weakness in it["vulns"]
    ]
    return Told(found, len(compared))


if __name__ == "__main__":
    raise SystemExit(main())
