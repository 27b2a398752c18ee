"""What is believed of an OpenID provider, and who is whom there."""

from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from services.accounts.domain import oidc
from services.accounts.domain.oidc import Check, Metadata, Person, Rules, Untrusted, Why

ISSUER = "https://id.example"
NOW = 1_800_000_000
KEY = RSAKey.generate_key(2048, parameters={"kid": "k1"})
OTHER = RSAKey.generate_key(2048, parameters={"kid": "k1"})
CURVE = ECKey.generate_key("P-256", parameters={"kid": "k2"})
KEYS = KeySet.import_key_set(KeySet([KEY, CURVE]).as_dict(private=False))
RULES = Rules(ISSUER, "mekong", "https://crm.example/back", "ID", frozenset(), True, False)
GOOD = {
    "iss": ISSUER,
    "aud": "mekong",
    "sub": "lan-1",
    "nonce": "n",
    "iat": NOW - 5,
    "exp": NOW + 300,
}
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth?tenant=1",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}


def token(key: Any = KEY, alg: str = "RS256", **changed: Any) -> str:
    said = {name: it for name, it in {**GOOD, **changed}.items() if it is not None}
    header = {"alg": alg, "kid": key.kid} if key.kid else {"alg": alg}
    return jwt.encode(header, said, key, algorithms=[alg])


def believed(text: str, rules: Rules = RULES) -> Mapping[str, Any]:
    return oidc.claims(text, KEYS, rules, "n", NOW)


class TestIdToken:
    @pytest.mark.parametrize(
        "text",
        [
            token(),
            token(CURVE, "ES256"),
            token(aud=["mekong"]),
            token(aud=["mekong", "other"], azp="mekong"),
            token(exp=NOW - 30),
            token(iat=NOW + 30),
        ],
        ids=["rsa", "curve", "a list", "several", "clock behind", "clock ahead"],
    )
    def test_one_of_the_provider_for_us_is_believed(self, text: str) -> None:
        assert believed(text)["sub"] == "lan-1"

    @pytest.mark.parametrize(
        ("text", "check"),
        [
            (token(OTHER), Check.SIGNATURE),
            (token()[:-8] + "AAAAAAAA", Check.SIGNATURE),
            (token(OctKey.import_key("x" * 32), "HS256"), Check.SIGNATURE),
            ("e30." + token().partition(".")[2], Check.SIGNATURE),
            ("eyJhbGciOiJub25lIn0." + token().split(".")[1] + ".", Check.SIGNATURE),
            ("not a token", Check.SIGNATURE),
            (token(iss="https://evil.example"), Check.ISSUER),
            (token(iss=None), Check.ISSUER),
            (token(aud="other"), Check.AUDIENCE),
            (token(aud=["other"]), Check.AUDIENCE),
            (token(aud=["mekong", "other"]), Check.AUDIENCE),
            (token(azp="other"), Check.AUDIENCE),
            (token(aud=None), Check.AUDIENCE),
            (token(nonce="another"), Check.NONCE),
            (token(nonce=None), Check.NONCE),
            (token(exp=NOW - 61), Check.EXPIRED),
            (token(exp=None), Check.EXPIRED),
            (token(iat=NOW + 61), Check.EXPIRED),
            (token(sub=None), Check.SUBJECT),
            (token(sub=""), Check.SUBJECT),
            (token(sub="x" * 256), Check.SUBJECT),
        ],
        ids=[
            *("another key", "changed", "shared secret", "no algorithm", "none", "garbage"),
            *("issuer", "no issuer", "audience", "audiences", "one of several", "party"),
            *("no audience", "nonce", "no nonce", "expired", "never ends", "of tomorrow"),
            *("nobody", "empty", "long"),
        ],
    )
    def test_another_is_not(self, text: str, check: Check) -> None:
        with pytest.raises(Untrusted) as caught:
            believed(text)

        assert caught.value.check is check


class TestDocument:
    def test_it_says_where_to_ask(self) -> None:
        known = oidc.metadata(ISSUER, DOCUMENT)

        assert known.token_endpoint == f"{ISSUER}/token"
        assert (known.userinfo_endpoint, known.posts_secret, known.names_issuer) == (
            "",
            False,
            False,
        )

    @pytest.mark.parametrize(
        "changed",
        [
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://id.example/token"},
            {"token_endpoint": "http://127.0.0.1/token"},
            {"userinfo_endpoint": "file:///etc/passwd"},
            {"jwks_uri": None},
            {"authorization_endpoint": "javascript:alert(1)"},
        ],
        ids=["issuer", "no tls", "this machine", "file", "no keys", "script"],
    )
    def test_one_that_leads_elsewhere_is_refused(self, changed: Any) -> None:
        with pytest.raises(ValueError, match=next(iter(changed))):
            oidc.metadata(ISSUER, {**DOCUMENT, **changed})

    def test_no_object_is_refused(self) -> None:
        with pytest.raises(ValueError, match="issuer"):
            oidc.metadata(ISSUER, ["x"])

    def test_a_query_of_the_providers_own_is_kept(self) -> None:
        url = oidc.authorization_url(oidc.metadata(ISSUER, DOCUMENT), RULES, "s", "n", "v")

        assert url.startswith(f"{ISSUER}/auth?tenant=1&response_type=code&client_id=mekong&")

    def test_the_challenge_is_that_of_rfc_7636(self) -> None:
        made = oidc.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

        assert made == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class TestIssuerOfTheAnswer:
    @pytest.mark.parametrize(("says", "named"), [(True, ISSUER), (False, ISSUER), (False, "")])
    def test_the_right_one_may_answer(self, says: bool, named: str) -> None:
        oidc.check_issuer(Metadata("a", "t", "k", "", False, says), RULES, named)

    @pytest.mark.parametrize(("says", "named"), [(True, ""), (True, "x"), (False, "x")])
    def test_another_may_not(self, says: bool, named: str) -> None:
        with pytest.raises(Untrusted) as caught:
            oidc.check_issuer(Metadata("a", "t", "k", "", False, says), RULES, named)

        assert caught.value.check is Check.ISSUER


class TestPerson:
    def said(self, **more: Any) -> dict[str, Any]:
        return {"iss": ISSUER, "sub": "lan-1", **more}

    @pytest.mark.parametrize("verified", [True, False, "true", None], ids=repr)
    def test_only_a_verified_address_counts(self, verified: Any) -> None:
        said = self.said(email="lan@x.example", email_verified=verified)

        who = oidc.person(said, {})

        assert who.email == ("lan@x.example" if verified is True else "")

    def test_what_is_told_besides_counts_when_the_token_has_no_address(self) -> None:
        more = {"sub": "lan-1", "email": "lan@x.example", "email_verified": True}

        assert oidc.person(self.said(), more).email == "lan@x.example"

    def test_the_address_of_one_is_not_verified_by_the_other(self) -> None:
        more = {"sub": "lan-1", "email_verified": True}

        assert oidc.person(self.said(email="lan@x.example"), more).email == ""

    def test_what_is_told_of_somebody_else_is_refused(self) -> None:
        with pytest.raises(Untrusted) as caught:
            oidc.person(self.said(), {"sub": "minh-1"})

        assert caught.value.check is Check.SUBJECT

    @pytest.mark.parametrize(
        ("email", "domains", "why"),
        [
            ("lan@x.example", "", None),
            ("lan@X.example", "x.example", None),
            ("lan@y.example", "x.example", Why.DOMAIN),
            ("lan@x.example.evil", "x.example", Why.DOMAIN),
            ("", "", Why.UNVERIFIED),
        ],
    )
    def test_an_address_links_within_the_domains(
        self, email: str, domains: str, why: Why | None
    ) -> None:
        allowed = frozenset(it for it in domains.split(",") if it)
        rules = Rules(ISSUER, "m", "r", "l", allowed, True, False)

        assert oidc.why_not(rules, Person(ISSUER, "lan-1", email)) is why

    @pytest.mark.parametrize(
        ("theirs", "same"),
        [
            ("lan@mekong.example", True),
            ("Lan@Mekong.Example", True),
            ("ｌan@mekong.example", False),
            ("lan@me\u212aong.example", False),
            ("lan@mekong.example ", False),
        ],
        ids=["equal", "case", "wide letter", "kelvin", "space"],
    )
    def test_letters_that_only_look_alike_are_not_the_same(self, theirs: str, same: bool) -> None:
        assert oidc.same_address("lan@mekong.example", theirs) is same
