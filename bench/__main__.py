"""`python -m bench [--json FILE] [--only PART,…]`: measure the whole house, from nothing."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console

from bench import jobs
from bench.parts import PARTS
from bench.table import Figures
from local.home import ROOT


def main(argv: list[str]) -> int:
    """Measure, print, write; 1 when something did not do what was to be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a flat object too")
    parser.add_argument("--only", type=_parts, default=list(PARTS), metavar="PART,…")
    parser.add_argument("--home", type=Path, default=ROOT / ".local" / "bench")
    arguments = parser.parse_args(argv)
    figures, console, failed = Figures(), Console(), []
    for name in arguments.only:
        began = time.monotonic()
        console.print(f"{name} …", highlight=False)
        shutil.rmtree(arguments.home, ignore_errors=True)
        arguments.home.mkdir(parents=True)
        try:
            PARTS[name](arguments.home, figures)
        except (jobs.NotMeasured, TimeoutError, RuntimeError) as why:
            reason = str(why) or "it took too long"
            console.print(f"[red]{name} not measured:[/] {reason}", highlight=False)
            failed.append(name)
        console.print(f"{name}: {time.monotonic() - began:.0f} s", highlight=False)
        # What was measured is there also when the next part is not to be.
        if arguments.json is not None:
            figures.write(arguments.json)
    figures.show(console)
    return 1 if failed else 0


def _parts(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PARTS:
            raise argparse.ArgumentTypeError(f"no part {name}; there are {', '.join(PARTS)}")
    return names or list(PARTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
