"""The page that protects an account: the password, the second step, recovery codes."""

import re
import time
from typing import Any

import pytest
from crm.accounts.v1 import second_factor_pb2, second_factor_service_pb2
from flask.testing import FlaskClient
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.errors import FieldViolation

NEW = {"new_password": "a new long one", "repeat": "a new long one"}
URI = "otpauth://totp/Mekong:lan%40mekong.example?secret=ABCDEFGH&issuer=Mekong"


def soon(seconds: int = 300) -> Timestamp:
    return Timestamp(seconds=int(time.time()) + seconds)


def fields(*names: str) -> errors.InvalidArgument:
    violations = [FieldViolation(it, "is not right") for it in names]
    return errors.InvalidArgument("FIELDS_INVALID", "no", violations=violations)


class TestSecurityPage:
    @pytest.fixture(autouse=True)
    def off(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["GetSecondFactor"] = second_factor_pb2.SecondFactor(user_id="u1")

    def on(self, peers: Any, left: int = 10) -> None:
        peers.answers["GetSecondFactor"] = second_factor_pb2.SecondFactor(
            user_id="u1", enrolled=True, enroll_time=soon(-600), recovery_codes_left=left
        )

    def send(self, browser: FlaskClient, action: str, **data: str) -> Any:
        page = browser.get("/account/security?lang=en").get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
        assert found is not None
        given = {"csrf_token": found[1], **data}
        return browser.post(f"/account/security/{action}", data=given)

    def test_it_shows_a_picture_and_the_key_to_type_once(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        begun = second_factor_service_pb2.EnrollSecondFactorResponse(secret="ABCDEFGH", uri=URI)
        peers.answers["EnrollSecondFactor"] = begun

        page = self.send(signed_in, "enroll", password="a long password").get_data(as_text=True)

        assert '<svg viewBox="0 0 ' in page
        assert "style=" not in page
        assert ">ABCD EFGH</textarea>" in page
        assert "a long password" not in page

    def test_a_wrong_code_shows_them_again(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["ConfirmSecondFactor"] = fields("code")

        answer = self.send(signed_in, "confirm", code="000000", secret="ABCDEFGH", uri=URI)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert ">ABCD EFGH</textarea>" in page
        assert "Is not right" in page

    def test_a_right_code_shows_the_recovery_codes(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        codes = second_factor_service_pb2.RecoveryCodes(codes=["abcd-efgh", "ijkl-mnop"])
        peers.answers["ConfirmSecondFactor"] = codes

        page = self.send(signed_in, "confirm", code="123456", secret="A", uri=URI)

        assert "abcd-efgh\nijkl-mnop</textarea>" in page.get_data(as_text=True)

    def test_what_is_no_key_is_not_drawn(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["ConfirmSecondFactor"] = fields("code")

        answer = self.send(signed_in, "confirm", code="1", secret="A", uri="https://evil.example")

        assert answer.headers["Location"] == "/account/security"

    @pytest.mark.parametrize(
        ("action", "call"),
        [
            ("enroll", "EnrollSecondFactor"),
            ("remove", "RemoveSecondFactor"),
            ("codes", "ReplaceRecoveryCodes"),
        ],
    )
    def test_a_wrong_password_is_told_beside_it(
        self, signed_in: FlaskClient, peers: Any, action: str, call: str
    ) -> None:
        if action != "enroll":
            self.on(peers)
        peers.answers[call] = fields("password")

        answer = self.send(signed_in, action, password="wrong", code="123456")

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert f'id="{action}-password-wrong"' in page
        assert "wrong&" not in page

    def test_turning_it_off_and_new_codes(self, signed_in: FlaskClient, peers: Any) -> None:
        self.on(peers)
        peers.answers["RemoveSecondFactor"] = empty_pb2.Empty()
        codes = second_factor_service_pb2.RecoveryCodes(codes=["abcd-efgh"])
        peers.answers["ReplaceRecoveryCodes"] = codes

        shown = self.send(signed_in, "codes", password="p", code="123456")
        answer = self.send(signed_in, "remove", password="p", code="123456")

        assert "abcd-efgh" in shown.get_data(as_text=True)
        assert answer.headers["Location"] == "/account/security"
        assert peers.named("RemoveSecondFactor")[0].request.code == "123456"

    def test_few_recovery_codes_are_told(self, signed_in: FlaskClient, peers: Any) -> None:
        self.on(peers, left=3)

        page = signed_in.get("/account/security?lang=en").get_data(as_text=True)

        assert "3 recovery codes left" in page
        assert "Make new recovery codes before" in page

    def test_the_password_is_changed_with_the_old_one(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["SetPassword"] = empty_pb2.Empty()

        answer = self.send(signed_in, "password", old_password="old", **NEW)

        asked = peers.named("SetPassword")[0].request
        assert answer.headers["Location"] == "/account/security"
        assert (asked.id, asked.old_password) == ("me", "old")

    def test_a_wrong_old_one_is_told_beside_it(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["SetPassword"] = errors.Unauthenticated("SIGN_IN_REFUSED", "no")

        answer = self.send(signed_in, "password", old_password="old", **NEW)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'id="password-old_password-wrong"' in page or "This is not your password" in page
