"""Tokens taken apart, keys of a published set, and rights as a token carries them."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from chassis import errors
from chassis.rpc import claims
from services.accounts.domain import rights

EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
SAID = {"sub": "x", "rights": {"contacts": {"read": "own"}}}

NAMES = st.sampled_from(rights.RESOURCES)
MAY = st.dictionaries(st.sampled_from(rights.ACTIONS), st.sampled_from(["own", "team", "all"]))


def text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signed(**head: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": "ec"} | head, SAID, EC)


def with_head(head: bytes) -> str:
    _, payload, signature = signed().split(".")
    return f"{text(head)}.{payload}.{signature}"


class TestReading:
    def test_a_token_says_which_key_it_is_by_and_is_read_with_it(self) -> None:
        token = claims.parse(signed(typ="JWT"))

        assert token.kid == "ec"
        assert claims.read(token, EC) == SAID

    def test_a_key_of_earlier_releases_is_read(self) -> None:
        token = jwt.encode({"alg": "EdDSA", "kid": "ed"}, SAID, ED, algorithms=["EdDSA"])

        assert claims.read(claims.parse(token), ED) == SAID

    @pytest.mark.parametrize("key", [ED, ECKey.generate_key("P-384"), RSAKey.generate_key(2048)])
    def test_a_key_that_does_not_fit_the_algorithm_reads_nothing(self, key: Any) -> None:
        with pytest.raises(errors.Unauthenticated):
            claims.read(claims.parse(signed()), key)

    @pytest.mark.parametrize("use", [{"use": "enc"}, {"alg": "ES384"}])
    def test_a_key_for_something_else_reads_nothing(self, use: dict[str, str]) -> None:
        key = ECKey.import_key(EC.as_dict(private=False) | use)

        with pytest.raises(errors.Unauthenticated):
            claims.read(claims.parse(signed()), key)

    @pytest.mark.parametrize("at", [0, 1, 2])
    def test_a_changed_byte_of_each_part_is_refused(self, at: int) -> None:
        parts = signed(typ="JWT").split(".")
        parts[at] = parts[at][:5] + ("B" if parts[at][5] != "B" else "C") + parts[at][6:]

        with pytest.raises(errors.Unauthenticated):
            claims.read(claims.parse(".".join(parts)), EC)

    @pytest.mark.parametrize(
        "head",
        [
            b'{"kid":"ec"}',
            b'{"alg":"ES256","kid":5}',
            b'{"alg":"ES256","kid":"ec","crit":["b64"],"b64":false}',
            b'{"alg":"ES256","kid":"ec","b64":true}',
            b'{"alg":"ES256","kid":"ec","crit":[]}',
            b'{"alg":"ES256","kid":"ec","more":1}',
            b'{"alg":"ES384","kid":"ec"}',
            b'{"alg":"HS256","kid":"ec"}',
            b'{"alg":"none","kid":"ec"}',
            b'{"alg":["ES256"],"kid":"ec"}',
            b'["ES256"]',
            b"5",
            b"{",
            b"\xff",
            b"",
            b'{"alg":"ES256","kid":"' + b"k" * 600 + b'"}',
        ],
    )
    def test_a_header_that_no_issuer_writes_is_refused_each_time(self, head: bytes) -> None:
        for _ in range(2):
            with pytest.raises(errors.Unauthenticated, match="TOKEN_INVALID"):
                claims.parse(with_head(head))

    @pytest.mark.parametrize(
        "token",
        [
            *("", ".", "..", "a.b", "a.b.c.d", "\ud800.a.b", "ü.ü.ü"),
            signed() + ".x",
            "x." + signed(),
            signed().replace(".", "..", 1),
            signed() + "=",
            signed().partition(".")[0] + "." + "A" * 140_000 + ".x",
        ],
    )
    def test_what_is_no_token_is_refused(self, token: str) -> None:
        with pytest.raises(errors.Unauthenticated, match="TOKEN_INVALID"):
            claims.read(claims.parse(token), EC)

    def test_claims_that_are_no_object_are_refused(self) -> None:
        start = f"{signed().partition('.')[0]}.{text(b'[1]')}"
        signature = JWSRegistry.algorithms["ES256"].sign(start.encode(), EC)

        with pytest.raises(errors.Unauthenticated, match="TOKEN_INVALID"):
            claims.read(claims.parse(f"{start}.{text(signature)}"), EC)


class TestKeys:
    def test_a_set_is_read_by_kid_and_other_kinds_are_passed_over(self) -> None:
        document = {
            "keys": [
                *(key.as_dict(private=False) for key in (EC, ED)),
                RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False),
                {"kty": "EC", "crv": "P-256"},
                "text",
            ]
        }

        assert claims.keys(json.loads(json.dumps(document))) == {
            "ec": ECKey.import_key(EC.as_dict(private=False)),
            "ed": OKPKey.import_key(ED.as_dict(private=False)),
        }

    @pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}])
    def test_what_is_no_set_is_refused(self, document: Any) -> None:
        with pytest.raises(ValueError, match="not a key set"):
            claims.keys(document)


class TestRights:
    @given(st.dictionaries(NAMES, MAY))
    def test_what_was_packed_is_the_same(self, granted: dict[str, dict[str, str]]) -> None:
        assert claims.unpacked(json.loads(json.dumps(claims.packed(granted)))) == granted

    def test_resources_of_equal_rights_are_named_together(self) -> None:
        one, other = {"read": "all"}, {"read": "own", "write": "own"}

        packed = claims.packed({"sources": one, "contacts": other, "users": one})

        assert packed == {"sources users": one, "contacts": other}

    def test_rights_one_by_one_are_read_as_ever(self) -> None:
        plain = rights.expanded(rights.BUILTIN["manager"])

        assert claims.unpacked(plain) == plain

    @pytest.mark.parametrize("role", rights.BUILTIN)
    def test_every_role_fits_in_few_characters(self, role: str) -> None:
        packed = claims.packed(rights.expanded(rights.BUILTIN[role]))

        assert len(json.dumps(packed, separators=(",", ":"))) < 500

    @pytest.mark.parametrize("said", [[], "all", {"contacts": "all"}, {"contacts": ["read"]}, 5])
    def test_what_is_no_table_is_refused(self, said: Any) -> None:
        with pytest.raises(errors.Unauthenticated, match="TOKEN_INVALID"):
            claims.unpacked(said)
