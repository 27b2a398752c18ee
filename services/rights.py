"""Who may call which method of any service, and what can be hidden, as the contract says."""

from collections.abc import Collection

from crm.rights.v1 import rights_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from chassis.rpc.rights import Caller, Rule, need

_CALLERS = {
    rights_pb2.CALLER_UNSPECIFIED: Caller.ENTITLED,
    rights_pb2.CALLER_ANYBODY: Caller.ANYBODY,
    rights_pb2.CALLER_SIGNED_IN: Caller.SIGNED_IN,
    rights_pb2.CALLER_HOUSE: Caller.HOUSE,
    rights_pb2.CALLER_HOUSE_FOR_ANYBODY: Caller.HOUSE_FOR_ANYBODY,
}


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
