"""Every reason that code gives for an error is documented in the contract."""

import ast
from collections.abc import Iterator
from pathlib import Path

from crm.errors.v1 import reason_pb2

from chassis import errors

ROOT = Path(__file__).resolve().parents[2]
KINDS = {kind.__name__ for kind in errors.Error.__subclasses__()}
NOT_RAISED = {"UNSPECIFIED", "PAGE_TOKEN_INVALID"}  # the latter goes through a helper


def raised() -> Iterator[tuple[str, str]]:
    """Yield (reason, file) of every error that is made with a literal reason."""
    for folder in ("chassis", "services"):
        for file in (ROOT / folder).rglob("*.py"):
            if "node_modules" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and node.args:
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                    first = node.args[0]
                    if name in KINDS and isinstance(first, ast.Constant):
                        yield str(first.value), str(file.relative_to(ROOT))


def documented() -> set[str]:
    return {name.removeprefix("REASON_") for name in reason_pb2.Reason.keys()}  # noqa: SIM118


class TestReasons:
    def test_each_that_is_given_is_in_the_contract(self) -> None:
        unknown = {(reason, file) for reason, file in raised() if reason not in documented()}

        assert not unknown

    def test_each_in_the_contract_is_given_somewhere(self) -> None:
        assert documented() - {reason for reason, _ in raised()} == NOT_RAISED
