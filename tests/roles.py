"""The roles that come with the system, and what contracts refuse them."""

from collections.abc import Mapping

from chassis.rpc.rights import Caller, Rule
from services.accounts.domain.rights import BUILTIN, expanded

Rights = Mapping[str, Mapping[str, str]]
ROLES: Mapping[str, Rights] = {
    **{name: expanded(granted) for name, granted in BUILTIN.items()},
    "without rights": {},
}
ORDER = ("none", "own", "team", "all")


def lacks(granted: Rights, rule: Rule) -> bool:
    """Whether somebody who calls by themselves with these rights lacks what every call needs."""
    return rule.caller in (Caller.HOUSE, Caller.HOUSE_FOR_ANYBODY, Caller.CONTACT) or any(
        ORDER.index(granted.get(it.resource, {}).get(it.action, "none")) < ORDER.index(it.level)
        for it in rule.needs
    )
