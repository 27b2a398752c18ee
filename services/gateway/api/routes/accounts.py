"""People, teams, roles, sessions, customers' logins, programs and the audit log."""

from services.gateway.api.table import Route, resource

_USERS = "accounts.UserService"
_CLIENTS = "accounts.ApiClientService"
_SESSIONS = "accounts.SessionService"
_FACTORS = "accounts.SecondFactorService"
_OIDC = "accounts.OidcService"
_AUDIT = "accounts.AuditService"
_LOGINS = "accounts.ContactLoginService"
_WORK = "interactions.AccessService"

ROUTES: tuple[Route, ...] = (
    Route("POST", "/token", "accounts.TokenService/IssueToken", "*", needs_token=False),
    Route("POST", "/users", f"{_USERS}/CreateUser", "*", status=201, location="/users/{id}"),
    *resource("/users", _USERS, "User", "Users", field="user", only="list get update"),
    Route("POST", "/users/{id}:deactivate", f"{_USERS}/DeactivateUser", "*"),
    Route("POST", "/users/{id}:setPassword", f"{_USERS}/SetPassword", "*", status=204),
    Route("POST", "/users/{id}:invite", f"{_USERS}/InviteUser", "*", status=204),
    Route("GET", "/users/{id}/second-factor", f"{_FACTORS}/GetSecondFactor"),
    Route(
        "POST", "/users/{id}:resetSecondFactor", f"{_FACTORS}/ResetSecondFactor", "*", status=204
    ),
    Route("POST", "/users/{id}:unlinkOidc", f"{_OIDC}/UnlinkOidcUser", "*", status=204),
    Route("GET", "/users/{id}/oidc-identity", f"{_OIDC}/GetOidcIdentity"),
    Route("POST", "/oidc-identity:unlink", f"{_OIDC}/UnlinkOwnOidcIdentity", "*", status=204),
    Route("POST", "/second-factor:enroll", f"{_FACTORS}/EnrollSecondFactor", "*"),
    Route("POST", "/second-factor:confirm", f"{_FACTORS}/ConfirmSecondFactor", "*"),
    Route("POST", "/second-factor:remove", f"{_FACTORS}/RemoveSecondFactor", "*", status=204),
    Route("POST", "/second-factor:replaceCodes", f"{_FACTORS}/ReplaceRecoveryCodes", "*"),
    Route("GET", "/contacts/{id}:explainAccess", "leads.AccessService/ExplainContactAccess"),
    Route("GET", "/follow-ups/{id}:explainAccess", f"{_WORK}/ExplainFollowUpAccess"),
    Route("GET", "/proposals/{id}:explainAccess", f"{_WORK}/ExplainProposalAccess"),
    Route("GET", "/campaigns/{id}:explainAccess", "campaigns.AccessService/ExplainCampaignAccess"),
    *resource("/teams", _USERS, "Team", "Teams", field="team", only="create list update"),
    *resource("/roles", _USERS, "Role", "Roles", field="role", only="create list update"),
    Route(
        "POST",
        "/contact-logins",
        f"{_LOGINS}/CreateContactLogin",
        "*",
        status=201,
        location="/contact-logins/{id}",
    ),
    *resource(
        "/contact-logins",
        _LOGINS,
        "ContactLogin",
        "ContactLogins",
        field="contact_login",
        only="list get delete",
    ),
    Route("POST", "/contact-logins/{id}:invite", f"{_LOGINS}/InviteContact", "*"),
    Route("POST", "/contact-logins/{id}:disable", f"{_LOGINS}/DisableContactLogin", "*"),
    Route("POST", "/contact-logins/{id}:enable", f"{_LOGINS}/EnableContactLogin", "*"),
    Route("GET", "/sessions", f"{_SESSIONS}/ListSessions"),
    Route("DELETE", "/sessions/{id}", f"{_SESSIONS}/RevokeSession", status=204),
    *resource(
        "/api-clients",
        _CLIENTS,
        "ApiClient",
        "ApiClients",
        field="api_client",
        only="create list get update",
    ),
    Route("POST", "/api-clients/{id}:rotateSecret", f"{_CLIENTS}/RotateApiClientSecret", "*"),
    Route("POST", "/api-clients/{id}:revoke", f"{_CLIENTS}/RevokeApiClient", "*"),
    Route("GET", "/audit-entries", f"{_AUDIT}/ListAuditEntries"),
    Route("GET", "/audit-entries:export", f"{_AUDIT}/ExportAuditEntries", kind="csv"),
    Route("GET", "/audit-entries:verify", f"{_AUDIT}/VerifyAudit"),
    Route("POST", "/audit-entries:eraseValues", f"{_AUDIT}/EraseAuditValues", "*", status=204),
)
