"""Who may call which method of any service, and what can be hidden, as the contract says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from crm.access.v1 import access_pb2
from crm.accounts.v1 import user_pb2
from crm.rights.v1 import rights_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from chassis import scope
from chassis.context import Level, Principal
from chassis.rpc.rights import Caller, Rule, need
from chassis.scope import Ground
from services.addresses import is_address as is_address

_CALLERS = {
    rights_pb2.CALLER_UNSPECIFIED: Caller.ENTITLED,
    rights_pb2.CALLER_ANYBODY: Caller.ANYBODY,
    rights_pb2.CALLER_SIGNED_IN: Caller.SIGNED_IN,
    rights_pb2.CALLER_HOUSE: Caller.HOUSE,
    rights_pb2.CALLER_HOUSE_FOR_ANYBODY: Caller.HOUSE_FOR_ANYBODY,
    rights_pb2.CALLER_CONTACT: Caller.CONTACT,
}

_LEVELS: dict[Level, "user_pb2.Level.ValueType"] = {
    Level.NONE: user_pb2.LEVEL_NONE,
    Level.OWN: user_pb2.LEVEL_OWN,
    Level.TEAM: user_pb2.LEVEL_TEAM,
    Level.ALL: user_pb2.LEVEL_ALL,
}
_GROUNDS: dict[Ground, "access_pb2.Ground.ValueType"] = {
    Ground.ALL: access_pb2.GROUND_ALL,
    Ground.OWNER: access_pb2.GROUND_OWNER,
    Ground.CREATOR: access_pb2.GROUND_CREATOR,
    Ground.TEAM: access_pb2.GROUND_TEAM,
}


@dataclass(frozen=True)
class Thing:
    """Whose something is."""

    owners: Sequence[UUID] = ()
    team_id: UUID | None = None
    creator: str = ""


def rule(method: str) -> Rule:
    """Returns the rule of a method such as `/crm.leads.v1.ContactService/GetContact`.

    Raises `LookupError` when it is in no contract that was imported or its contract does not say,
    `ValueError` when what it says is no right.
    """
    service, _, name = method.strip("/").partition("/")
    found = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    return told(found.GetOptions(), method)


def guards(field: FieldDescriptor) -> Collection[str]:
    """Returns the names under which a role can hide a field, none for most."""
    return field.GetOptions().Extensions[rights_pb2.guarded_as]


def address_guards(field: FieldDescriptor) -> Collection[str]:
    """Returns the names under which a role can hide a text where it is an address."""
    return field.GetOptions().Extensions[rights_pb2.guarded_address_as]


def told(said: MethodOptions, method: str) -> Rule:
    """Returns what the options of `method` say; raises as `rule`."""
    found = Rule(
        caller=_CALLERS[said.Extensions[rights_pb2.caller]],
        needs=tuple(need(it) for it in said.Extensions[rights_pb2.needs]),
        may_need=tuple(need(it) for it in said.Extensions[rights_pb2.may_need]),
    )
    if found.caller is Caller.ENTITLED and not found.needs:
        raise LookupError(f"the contract does not say who may call {method}")
    return found


def explained(
    principal: Principal | None, resource: str, actions: Sequence[str], thing: Thing
) -> access_pb2.AccessExplanation:
    """Returns what somebody may do with a thing and why; nothing for nobody."""
    if principal is None:
        return access_pb2.AccessExplanation(active=False)
    found = access_pb2.AccessExplanation(
        active=True,
        hidden_fields=sorted(it for it in principal.hidden if it.startswith(f"{resource}.")),
        owner_ids=[str(it) for it in thing.owners],
        team_id=str(thing.team_id or ""),
        creator_id=thing.creator,
        user_team_id=principal.team_id or "",
    )
    for action in actions:
        reach = scope.to(principal, resource, action)
        ground = reach.ground(thing.owners, thing.team_id, thing.creator)
        found.actions.add(
            action=action,
            level=_LEVELS[reach.level],
            ground=_GROUNDS[ground] if ground else access_pb2.GROUND_UNSPECIFIED,
        )
    return found
