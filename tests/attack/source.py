"""The modules of the house, as they are written."""

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What is installed or built for the pages is not ours.
_OTHERS = {"node_modules", "static", "__pycache__"}


def modules(part: str, *words: str) -> Iterator[Path]:
    """The modules below a folder that have one of these words somewhere: the rest is not parsed."""
    for folder, inner, names in os.walk(ROOT / part):
        inner[:] = sorted(set(inner) - _OTHERS)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix == ".py" and any(it in path.read_text("utf-8") for it in words):
                yield path
