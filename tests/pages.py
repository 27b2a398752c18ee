"""What each page of staff is made of: the calls without whose answer there is no page.

What a page asks for besides, and goes without, is left out: names behind ids, choices of a form.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from flask import Flask
from google.protobuf import descriptor_pool
from google.protobuf.message import Message

from chassis.rpc.rights import Rule
from services import rights
from services.gateway.stubs import STUBS
from services.gateway.web.shell import OPEN_ENDPOINTS

NOBODY: Sequence[str] = ()
"""The page is there for whoever is signed in."""
NEEDS: Mapping[str, Sequence[str]] = {
    "access": NOBODY,
    "api_client": ["GetApiClient"],
    "api_clients": ["ListApiClients"],
    "ask_reassign": NOBODY,
    "ask_split_series": ["GetSeries"],
    "audit": ["ListAuditEntries"],
    "audit_csv": ["ExportAuditEntries"],
    "bell": NOBODY,
    "calendar": ["ListCalendar"],
    "calendar_move": ["GetFollowUp"],
    "campaign": ["GetCampaign"],
    "campaigns": ["ListCampaigns"],
    "consents": ["GetContact", "ListConsentEntries"],
    "contact": ["GetContact"],
    "contacts": ["ListContacts"],
    "contacts_csv": ["ExportContacts"],
    "deliveries": ["GetFollowUp", "ListFollowUpDeliveries"],
    "doubt": ["GetDoubt"],
    "doubt_deeds": ["ListDoubtDeeds"],
    "doubts": ["ListDoubts"],
    "edit_campaign": ["GetCampaign"],
    "edit_contact": ["GetContact"],
    "edit_follow_up": ["GetFollowUp"],
    "edit_proposal": ["GetProposal", "ListProposalTemplates"],
    "edit_series": ["GetSeries"],
    "erase_contact": ["GetContact"],
    "erasure": ["GetErasure"],
    "erasures": ["ListErasures"],
    "feeds": ["ListFeeds"],
    "follow_up": ["GetFollowUp"],
    "follow_up_batch": ["GetFollowUpBatch"],
    "follow_up_batch_progress": ["GetFollowUpBatch"],
    "follow_up_batches": ["ListFollowUpBatches"],
    "follow_up_contacts": NOBODY,  # nothing is looked for before something is typed
    "follow_up_progress": ["GetFollowUp"],
    "follow_ups": ["ListFollowUps"],
    "home": NOBODY,
    "import": ["GetImport"],
    "import_progress": ["GetImport"],
    "import_rows": ["GetImport", "ListImportRows"],
    "imports": ["ListImports"],
    "invitation": ["GetInvitation"],
    "login": ["GetContactLogin"],
    "logins": ["ListContactLogins"],
    "new_api_client": NOBODY,
    "new_campaign": NOBODY,
    "new_contact": NOBODY,
    "new_follow_up": NOBODY,
    "new_interaction": NOBODY,
    "new_login": NOBODY,
    "new_proposal": ["ListProposalTemplates"],
    "new_proposal_template": NOBODY,
    "new_role": NOBODY,
    "new_segment": NOBODY,
    "new_series": NOBODY,
    "new_source_cost": NOBODY,
    "new_template": NOBODY,
    "new_user": NOBODY,
    "next_steps": ["ListStandings"],
    "notifications": ["ListNotifications", "GetNotificationPreferences"],
    "overlaps": NOBODY,
    "proposal": ["GetProposal"],
    "proposal_block": NOBODY,
    "proposal_file": ["GetProposalAttachment"],
    "proposal_line": NOBODY,
    "proposal_pdf": ["GetProposalPdf"],
    "proposal_template": ["GetProposalTemplate"],
    "proposal_template_file": ["GetProposalTemplateAttachment"],
    "proposal_templates": ["ListProposalTemplates"],
    "proposals": ["ListProposals"],
    "quick_call": NOBODY,
    "quick_contact": NOBODY,
    "recipients": ["GetRun", "ListRecipients"],
    "recipients_csv": ["ExportRecipients"],
    "report_contacts": ["ListContacts"],
    "report_conversion": ["GetConversionReport"],
    "report_follow_up_rows": ["ListFollowUps"],
    "report_follow_ups": ["GetFollowUpReport"],
    "report_lead_rows": ["ListReportedLeads"],
    "report_leads": ["GetLeadReport"],
    "report_sources": ["GetSourceReport"],
    "reports": NOBODY,
    "request": ["GetRequest"],
    "requests": ["ListRequests"],
    "review": ["GetCampaign", "ReviewCampaign"],
    "role": NOBODY,
    "roles": NOBODY,
    "run": ["GetRun"],
    "run_progress": ["GetRun"],
    "samples": ["ReviewCampaign"],
    "security": ["GetSecondFactor"],
    "segment": ["GetSegment"],
    "segments": ["ListSegments"],
    "sender_identity": ["GetSenderIdentity"],
    "senders": NOBODY,
    "series": ["GetSeries"],
    "series_list": ["ListSeries"],
    "sessions": ["ListSessions"],
    "source_cost": ["GetSourceCost"],
    "source_costs": ["ListSourceCosts"],
    "staff": ["ListUsers"],
    "support": NOBODY,
    "template": ["GetTemplate"],
    "template_preview": ["PreviewTemplate"],
    "templates": ["ListTemplates"],
    "timeline": NOBODY,
    "unreached": ["GetRun"],
    "user": ["GetUser", "ListSessions"],
    "verify_audit": ["VerifyAudit"],
    "working_hours": ["GetWorkingHours"],
}


@cache
def paths() -> Mapping[str, Sequence[str]]:
    """The methods of the house by their short names, of which two services may have the same."""
    found: dict[str, list[str]] = {}
    for service in STUBS:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            found.setdefault(method.name, []).append(f"/{service}/{method.name}")
    return found


def asked(name: str, request: Message) -> str:
    """The method of that name that a request is for."""
    of_package = f"/{request.DESCRIPTOR.file.package}."
    candidates = paths()[name]
    return next((it for it in candidates if it.startswith(of_package)), candidates[0])


def endpoints(app: Flask) -> set[str]:
    """The names of the pages that somebody who is signed in opens."""
    rules = [it for it in app.url_map.iter_rules() if "GET" in (it.methods or ())]
    return {it.endpoint for it in rules if it.endpoint.startswith("web.")} - OPEN_ENDPOINTS


def needed(endpoint: str) -> Iterator[Rule]:
    """What the contract says of each call that a page cannot do without."""
    for name in NEEDS[endpoint.removeprefix("web.")]:
        (path,) = paths()[name]
        yield rights.rule(path)
