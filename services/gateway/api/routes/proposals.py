"""Proposals and their templates."""

from services.gateway.api.table import Route, resource

_TEMPLATES = "interactions.ProposalTemplateService"
_PROPOSALS = "interactions.ProposalService"
_FILES = "interactions.ProposalAttachmentService"

ROUTES: tuple[Route, ...] = (
    *resource(
        "/proposal-templates",
        _TEMPLATES,
        "ProposalTemplate",
        "ProposalTemplates",
        field="template",
        only="create list get update",
    ),
    Route("POST", "/proposal-templates:preview", f"{_TEMPLATES}/PreviewProposalTemplate", "*"),
    Route(
        "POST",
        "/proposal-templates/{id}/attachments",
        f"{_FILES}/AddProposalTemplateAttachment",
        status=201,
        location="/proposal-templates/{id}",
        kind="file",
    ),
    Route(
        "POST",
        "/proposal-templates/{id}:removeAttachment",
        f"{_FILES}/RemoveProposalTemplateAttachment",
        "*",
    ),
    Route(
        "GET",
        "/proposal-templates/{id}:getAttachment",
        f"{_FILES}/GetProposalTemplateAttachment",
        kind="download",
    ),
    *resource("/proposals", _PROPOSALS, "Proposal", "Proposals", field="proposal"),
    Route("POST", "/proposals:preview", f"{_PROPOSALS}/PreviewProposal", "*"),
    Route("GET", "/proposals/{id}/pdf", f"{_PROPOSALS}/GetProposalPdf", kind="pdf"),
    Route("POST", "/proposals/{id}:send", f"{_PROPOSALS}/SendProposal", "*"),
    Route("POST", "/proposals/{id}:withdraw", f"{_PROPOSALS}/WithdrawProposal", "*"),
    Route("POST", "/proposals/{id}:revise", f"{_PROPOSALS}/ReviseProposal", "*"),
    Route("POST", "/proposals/{id}:link", f"{_PROPOSALS}/LinkProposal", "*"),
    Route(
        "POST",
        "/proposals/{id}/attachments",
        f"{_FILES}/AddProposalAttachment",
        status=201,
        location="/proposals/{id}",
        kind="file",
    ),
    Route("GET", "/proposals/{proposal_id}/attachments", f"{_FILES}/ListProposalAttachments"),
    Route("POST", "/proposals/{id}:removeAttachment", f"{_FILES}/RemoveProposalAttachment", "*"),
    Route(
        "GET", "/proposals/{id}:getAttachment", f"{_FILES}/GetProposalAttachment", kind="download"
    ),
    Route("GET", "/proposals/{proposal_id}/events", f"{_PROPOSALS}/ListProposalEvents"),
)
