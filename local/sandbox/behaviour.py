"""How the mail server misbehaves, by chance for each mail; not at all unless it is told to."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

SILENT, CLOSE, LOST, DROPPED = "silent", "close", "lost", "dropped"
KEPT_FAULTS = (SILENT, CLOSE)
CLOSING = ("421",)


@dataclass(frozen=True)
class Behaviour:
    """Shares are between 0 and 1 of the mails, and together at most 1.

    `final` is what the final dot gets instead of 250: `silent` and `close` keep the mail and never
    answer or hang up, `lost` and `dropped` do the same without keeping it; anything else is the
    answer itself (`451 4.3.0 later`), after which the mail is not kept and 421 hangs up.
    `rcpt` is what a recipient gets instead of 250. `cut` hangs up amid the mail. `delay` in seconds
    comes before each final answer. `pipelining` is announced, not announced (`absent`), or
    announced and not kept (`broken`): what came behind a MAIL is thrown away.
    """

    final: Mapping[str, float] = field(default_factory=dict)
    rcpt: Mapping[str, float] = field(default_factory=dict)
    cut: float = 0.0
    delay: float = 0.0
    pipelining: Literal["kept", "absent", "broken"] = "kept"
    seed: int = 0

    @property
    def dice(self) -> "Dice":
        """What decides for each mail."""
        return Dice(self)


class Dice:
    """The chances of a behaviour; the same seed gives the same row of faults."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._random = random.Random(behaviour.seed)

    def final(self) -> str:
        """Return the fault of the next final dot, "" for none."""
        return self._one_of(self._behaviour.final)

    def rcpt(self) -> str:
        """Return the answer to the next recipient, "" if it is accepted."""
        return self._one_of(self._behaviour.rcpt)

    def cut(self) -> bool:
        """Return whether to hang up amid the next mail."""
        return self._random.random() < self._behaviour.cut

    def _one_of(self, shares: Mapping[str, float]) -> str:
        place = self._random.random() if shares else 1.0
        for name, share in shares.items():
            place -= share
            if place < 0:
                return name
        return ""


def read(told: Mapping[str, Any]) -> Behaviour:
    """Return the behaviour of a JSON object. Raises ValueError for what it does not know."""
    known = {it.name for it in fields(Behaviour)}
    if unknown := set(told) - known:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    behaviour = Behaviour(**told)
    for shares in (behaviour.final, behaviour.rcpt, {"cut": behaviour.cut}):
        if not 0 <= sum(shares.values()) <= 1 or any(it < 0 for it in shares.values()):
            raise ValueError("shares are between 0 and 1, and together at most 1")
    if behaviour.pipelining not in ("kept", "absent", "broken"):
        raise ValueError("pipelining is kept, absent or broken")
    return behaviour
