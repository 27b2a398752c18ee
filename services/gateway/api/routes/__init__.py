"""The table of the REST API, and the calls that are on purpose not in it."""

from services.gateway.api.routes import (
    accounts,
    campaigns,
    interactions,
    leads,
    notifier,
    proposals,
)
from services.gateway.api.table import Route

ROUTES: tuple[Route, ...] = (
    *leads.ROUTES,
    *interactions.ROUTES,
    *proposals.ROUTES,
    *campaigns.ROUTES,
    *notifier.ROUTES,
    *accounts.ROUTES,
)

INTERNAL: dict[str, str] = {
    "crm.leads.v1.AudienceService/FreezeAudience": "campaigns plans runs with it",
    "crm.leads.v1.AudienceService/FreezeContacts": "campaigns plans runs to the unreached with it",
    "crm.leads.v1.AudienceService/StreamAudience": "campaigns plans runs with it",
    "crm.leads.v1.AudienceService/SampleAudience": "campaigns reviews with it",
    "crm.leads.v1.AudienceService/ReleaseAudience": "campaigns ends runs with it",
    "crm.leads.v1.AudienceService/ProbeAudience": "campaigns asks with it before it starts a run",
    "crm.campaigns.v1.ContentService/GetContent": "notifiers fetch what chunks name",
    "crm.campaigns.v1.ContentService/GetAttachment": "notifiers fetch what contents name",
    "crm.accounts.v1.SessionService/SignIn": "browsers sign in on a page, programs get a token",
    "crm.accounts.v1.SessionService/CompleteSignIn": "the second step of signing in on a page",
    "crm.accounts.v1.OidcService/GetOidcProvider": "the button on the page /sign-in",
    "crm.accounts.v1.OidcService/BeginOidcSignIn": "the page /sign-in/oidc",
    "crm.accounts.v1.OidcService/CompleteOidcSignIn": "the page /sign-in/oidc/callback",
    "crm.accounts.v1.PasswordService/RequestPasswordReset": "the public page /sign-in/forgot",
    "crm.accounts.v1.PasswordService/DescribePasswordLink": "the public page /password/{token}",
    "crm.accounts.v1.PasswordService/ResetPassword": "the public page /password/{token}",
    "crm.accounts.v1.SessionService/ExchangeSession": "the gateway's own, for the session cookie",
    "crm.accounts.v1.SessionService/SignOut": "browsers sign out on a page",
    "crm.accounts.v1.ContactSessionService/RequestContactCode": "the portal's sign-in page",
    "crm.accounts.v1.ContactSessionService/SignInContact": "the portal's sign-in page",
    "crm.accounts.v1.ContactSessionService/DescribeContactInvitation": (
        "the portal's page /portal/welcome/{token}"
    ),
    "crm.accounts.v1.ContactSessionService/AcceptInvitation": (
        "the portal's page /portal/welcome/{token}"
    ),
    "crm.accounts.v1.ContactSessionService/ExchangeContactSession": (
        "the gateway's own, for the portal's cookie"
    ),
    "crm.accounts.v1.ContactSessionService/SignOutContact": "customers sign out on a page",
    "crm.accounts.v1.ContactSessionService/SetContactPassword": "the portal's page of the password",
    "crm.notifier.v1.MessageService/BatchSendMessages": "interactions hands over with it",
    "crm.notifier.v1.MessageService/FindMessages": "campaigns asks about silent chunks with it",
    "crm.notifier.v1.RunControlService/StopRun": "campaigns pauses and ends runs with it",
    "crm.notifier.v1.GateService/ProbeRecipients": "campaigns reviews with it",
    "crm.notifier.v1.GateService/ProbeTexts": "campaigns reviews with it",
    "crm.interactions.v1.FeedService/ReadFeed": "the public address /calendar/{token}.ics",
    "crm.interactions.v1.ProposalLinkService/OpenProposal": "the public page /p/{token}",
    "crm.interactions.v1.ProposalLinkService/OpenProposalPdf": "the public page /p/{token}",
    "crm.interactions.v1.ProposalLinkService/OpenProposalAttachment": "the public page /p/{token}",
    "crm.interactions.v1.ProposalLinkService/SeeProposal": "the public page /p/{token}",
    "crm.interactions.v1.ProposalLinkService/AcceptProposal": "the public page /p/{token}",
    "crm.interactions.v1.ProposalLinkService/DeclineProposal": "the public page /p/{token}",
    "crm.interactions.v1.ProposalLinkService/CommentProposal": "the public page /p/{token}",
    **{
        f"crm.{service}.v1.PortalService/{method}": "the portal's pages, for who signed in there"
        for service, methods in {
            "accounts": ("ExportMyLogin",),
            "leads": (
                *("GetMyProfile", "UpdateMyProfile", "ListMyConsents", "ChangeMyConsent"),
                *("ListMyTransactions", "ExportMyData"),
            ),
            "interactions": (
                *("ListMyProposals", "GetMyProposal", "GetMyProposalPdf", "SeeMyProposal"),
                *("GetMyProposalAttachment", "AcceptMyProposal", "DeclineMyProposal"),
                *("CommentMyProposal", "ListMyAppointments", "GetMyAppointment"),
                *("AskForAnotherTime", "ListMyRequests", "GetMyRequest", "CreateMyRequest"),
                *("ReplyToMyRequest", "AskForErasure", "ExportMyData"),
            ),
        }.items()
        for method in methods
    },
    "crm.notifier.v1.SuppressionService/DescribeUnsubscribe": "the public page /u/{token}",
    "crm.notifier.v1.SuppressionService/Unsubscribe": "the public page /u/{token}",
    "crm.interactions.v1.ErasureService/ErasePerson": "leads has people erased with it",
    "crm.campaigns.v1.ErasureService/ErasePerson": "leads has people erased with it",
    "crm.notifier.v1.ErasureService/ErasePerson": "leads has people erased with it",
    "crm.accounts.v1.ErasureService/ErasePerson": "leads has people erased with it",
}
"""Calls without a REST operation, and why."""
