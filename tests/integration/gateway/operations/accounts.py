"""Operations on people, programs and sign-in answer 2xx to who may."""

from pathlib import Path
from typing import Any

import pyotp
import pytest

from tests.integration.gateway.operations.calls import Api, signed_in, until


@pytest.mark.timeout(300)
class TestAccounts:
    def test_people_programs_and_the_audit_log(self, api: Api) -> None:
        right = {"resource": "contacts", "action": "read", "level": "OWN"}
        role = api("CreateRole", body={"name": "Thực tập", "rights": [right]})
        team = api("CreateTeam", body={"name": "Miền Trung"})
        person = {"email": "lan@mekong.example", "display_name": "Lan", "role_id": role["id"]}
        password = "con ngựa đá con ngựa"

        user = api("CreateUser", body={"user": person, "password": password})
        api("GetUser", id=user["id"])
        api("ListUsers", query="include_inactive=true")
        api("UpdateUser", body={"team_id": team["id"]}, id=user["id"])
        api("SetPassword", body={"new_password": password + " đá"}, id=user["id"])
        api("ListTeams")
        api("UpdateTeam", body={"name": "Miền Trung và Tây Nguyên"}, id=team["id"])
        api("ListRoles")
        api("UpdateRole", body={"name": "Tập sự"}, id=role["id"])
        api("ResetSecondFactor", id=user["id"])
        api("UnlinkOidcUser", id=user["id"])
        api("DeactivateUser", id=user["id"])
        guest = {**person, "email": "guest@mekong.example"}
        invited = api("CreateUser", body={"user": guest})
        api("InviteUser", id=invited["id"])
        client = api("CreateApiClient", body={"name": "pos", "rights": [right]})
        api("ListApiClients", query="query=pos&state=ACTIVE")
        api("GetApiClient", id=client["id"])
        limited = api("UpdateApiClient", body={"requests_per_minute": 90}, id=client["id"])
        half_day = {"old_secret_lifetime": {"seconds": 43_200}}
        rotated = api("RotateApiClientSecret", body=half_day, id=client["id"])
        api("RevokeApiClient", id=client["id"])
        entries = until(lambda: api("ListAuditEntries")["entries"], "audit entries")
        exported = api("ExportAuditEntries", query="service=accounts&action_prefix=user.")
        verdict = api("VerifyAudit")
        erase = {"subject_type": "user", "subject_id": user["id"]}
        api("EraseAuditValues", body=erase)

        assert invited["invited"]
        assert client["secret"]
        assert limited["requests_per_minute"] == 90
        assert rotated["secret"] not in ("", client["secret"])
        assert len(rotated["secrets"]) == 2
        assert entries[0]["sequence"] >= 1
        assert exported.lstrip("\ufeff").startswith("sequence,time,service,actor_id")
        assert (verdict["intact"], verdict["next_page_token"]) == (True, "")

    def test_logins_of_customers(self, api: Api) -> None:
        def customer(name: str) -> dict[str, Any]:
            return {"display_name": name, "emails": [{"address": f"{name}@cong.example"}]}

        known = api("CreateContact", body=customer("mai"))
        login = api("CreateContactLogin", body={"contact_id": known["id"], "channel": "EMAIL"})
        both = {"contact": customer("hoa"), "channel": "EMAIL"}
        together = api("CreateContactWithLogin", body=both)
        listed = until(
            lambda: {it["contact_id"]: it for it in api("ListContactLogins")["contact_logins"]}.get(
                together["id"]
            ),
            "the login of who was created with one",
        )
        disabled = api("DisableContactLogin", body={}, id=login["id"])
        enabled = api("EnableContactLogin", body={}, id=login["id"])
        api("InviteContact", body={"channel": "EMAIL"}, id=login["id"])
        kept = api("GetContactLogin", id=login["id"])
        api("DeleteContactLogin", id=login["id"])

        assert (login["state"], disabled["state"]) == ("INVITED", "DISABLED")
        assert enabled["state"] == kept["state"] == "INVITED"
        assert listed["address"] == "hoa@cong.example"

    def test_why_somebody_can_see_something(self, api: Api, advertiser: Any, sender: Any) -> None:
        contact = api("CreateContact", body={"display_name": "Vì sao"})
        lan = api("ListUsers")["users"][0]["id"]
        who = f"user_id={lan}"
        plan = {"title": "Gọi", "type": "CALL", "contact_ids": [contact["id"]]}
        call = api("CreateFollowUp", body={**plan, "start_time": "2030-01-02T03:04:05Z"})
        blocks = {"name": "Báo giá ngắn", "blocks": [{"text": "Kính gửi"}]}
        form = api("CreateProposalTemplate", body=blocks)
        offer = {"title": "Báo giá", "contact_id": contact["id"], "template_id": form["id"]}
        proposal = api("CreateProposal", body={**offer, "valid_until": "2099-12-31"})
        text = {"subject": "Chào", "html": "<p>Chào</p>"}
        template = api("CreateTemplate", body={"name": "Vì sao", "channel": "EMAIL", **text})
        by = {"advertiser_id": advertiser["id"], "sender_identity_id": sender["id"]}
        draft = {"name": "Vì sao", "channel": "EMAIL", "purpose": "CARE", "audience": {}, **by}
        campaign = api("CreateCampaign", body={**draft, "template_id": template["id"]})

        told = [
            api("ExplainContactAccess", id=contact["id"], query=who),
            api("ExplainFollowUpAccess", id=call["id"], query=who),
            api("ExplainProposalAccess", id=proposal["id"], query=who),
            api("ExplainCampaignAccess", id=campaign["id"], query=who),
        ]

        assert [it["actions"][0]["ground"] for it in told] == ["ALL"] * 4

    def test_sessions(self, api: Api, house: Any) -> None:
        cookie, email = signed_in(house), house.state["first_user"]
        users = api("ListUsers")["users"]
        first = next(it for it in users if it["email"] == email)

        sessions = api("ListSessions", query=f"user_id={first['id']}")["sessions"]
        api("RevokeSession", id=sessions[0]["id"])

        assert "mekong=" in cookie

    def test_the_second_factor(self, person: Api, house: Any) -> None:
        password = Path(house.state["first_password_file"]).read_text().strip()

        begun = person("EnrollSecondFactor", body={"password": password})
        code = pyotp.TOTP(begun["secret"]).now()
        codes = person("ConfirmSecondFactor", body={"code": code})["codes"]
        state = person("GetSecondFactor", id="me")
        proof = {"password": password, "code": codes[0]}
        fresh = person("ReplaceRecoveryCodes", body=proof)["codes"]
        person("RemoveSecondFactor", body={"password": password, "code": fresh[0]})
        identity = person("GetOidcIdentity", id="me")
        person("UnlinkOwnOidcIdentity", body={"password": password})

        assert (state["enrolled"], state["recovery_codes_left"]) == (True, 10)
        assert identity["linked"] is False
