"""Pages show of a role what accounts makes of it."""

from crm.accounts.v1 import user_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.domain import rights
from services.gateway.web import roles

LEVELS = {"none": user_pb2.LEVEL_NONE, **roles.LEVELS}
some_rights = st.dictionaries(
    st.sampled_from([*rights.RESOURCES, "*"]),
    st.dictionaries(
        st.sampled_from([*rights.ACTIONS, "*"]), st.sampled_from([*LEVELS]), max_size=4
    ),
    max_size=6,
)


class TestGranted:
    @given(some_rights)
    def test_wildcards_give_what_tokens_carry(self, given: rights.Rights) -> None:
        sent = [
            user_pb2.Right(resource=resource, action=action, level=LEVELS[level])
            for resource, actions in given.items()
            for action, level in actions.items()
        ]
        carried = rights.expanded(given)

        assert roles.granted(sent) == {
            (resource, action): carried[resource][action]
            for resource, actions in roles.needed().items()
            for action in actions
            if action in carried.get(resource, {})
        }

    def test_the_same_kinds_have_owners_and_the_same_actions_are_for_good(self) -> None:
        assert set(roles.OWNED) == rights.OWNED
        assert set(roles.IRREVERSIBLE) == rights.IRREVERSIBLE
        assert set(roles.ACTIONS) == set(rights.ACTIONS)
