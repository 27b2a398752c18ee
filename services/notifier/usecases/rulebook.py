"""Reads the file of rules, once; a file that cannot be right keeps the service from starting."""

import functools
import tomllib
from pathlib import Path

from services.notifier.domain.rulebook import Rulebook
from services.notifier.domain.rules import Rules

OURS = Path(__file__).parent.parent / "rules" / "rules.toml"


@functools.cache
def load(path: str = "") -> Rules:
    """The rules of the file at `path`, of our own when it is empty.

    Raises `OSError` or `ValueError`, which says what is wrong with the file.
    """
    with (Path(path) if path else OURS).open("rb") as file:
        return Rules(Rulebook.model_validate(tomllib.load(file)))
