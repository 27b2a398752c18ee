"""What a fault test shows of a run in the end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """A run that has ended; campaigns, the notifier and the sandbox agree about it."""

    planned: int
    taken: int
    in_doubt: int
    in_doubt_held: int
    other: int

    def __str__(self) -> str:
        return (
            f"{self.planned} planned = {self.taken} taken once + {self.in_doubt} in doubt "
            f"(of which {self.in_doubt_held} arrived) + {self.other} other; 0 lost, 0 doubled"
        )
