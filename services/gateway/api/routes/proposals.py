"""Proposals and their templates."""

from services.gateway.api.table import Route, resource

_TEMPLATES = "interactions.ProposalTemplateService"
_PROPOSALS = "interactions.ProposalService"

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
    *resource("/proposals", _PROPOSALS, "Proposal", "Proposals", field="proposal"),
    Route("POST", "/proposals:preview", f"{_PROPOSALS}/PreviewProposal", "*"),
    Route("GET", "/proposals/{id}/pdf", f"{_PROPOSALS}/GetProposalPdf", kind="pdf"),
    Route("POST", "/proposals/{id}:send", f"{_PROPOSALS}/SendProposal", "*"),
    Route("POST", "/proposals/{id}:withdraw", f"{_PROPOSALS}/WithdrawProposal", "*"),
    Route("POST", "/proposals/{id}:revise", f"{_PROPOSALS}/ReviseProposal", "*"),
    Route("POST", "/proposals/{id}:link", f"{_PROPOSALS}/LinkProposal", "*"),
    Route("GET", "/proposals/{proposal_id}/events", f"{_PROPOSALS}/ListProposalEvents"),
)
