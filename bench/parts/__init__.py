"""The parts of the benchmark; each starts a house of its own and adds its figures."""

from collections.abc import Callable
from pathlib import Path

from bench.parts import (
    agenda,
    audit,
    basics,
    big,
    due,
    email,
    pauses,
    replicas,
    reports,
    rights,
    rows,
    sign_ins,
    tokens,
)
from bench.table import Figures

# Each is given an empty folder, and where to put what it found.
PARTS: dict[str, Callable[[Path, Figures], None]] = {
    "basics": basics.measure,
    "email": email.measure,
    "big": big.measure,
    "pauses": pauses.measure,
    "replicas": replicas.measure,
    "rows": rows.measure,
    "agenda": agenda.measure,
    "due": due.measure,
    "reports": reports.measure,
    "rights": rights.measure,
    "audit": audit.measure,
    "sign_ins": sign_ins.measure,
    "tokens": tokens.measure,
}
