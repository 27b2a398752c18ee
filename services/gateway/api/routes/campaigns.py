"""Templates, campaigns and their runs."""

from services.gateway.api.table import Route, resource

_TEMPLATES = "campaigns.TemplateService"
_CAMPAIGNS = "campaigns.CampaignService"
_RUNS = "campaigns.RunService"

ROUTES: tuple[Route, ...] = (
    *resource("/templates", _TEMPLATES, "Template", "Templates", field="template"),
    Route("POST", "/templates:preview", f"{_TEMPLATES}/PreviewTemplate", "*"),
    Route(
        "POST",
        "/templates/{id}/attachments",
        f"{_TEMPLATES}/AddAttachment",
        status=201,
        location="/templates/{id}",
        kind="file",
    ),
    Route("POST", "/templates/{id}:removeAttachment", f"{_TEMPLATES}/RemoveAttachment", "*"),
    *resource("/campaigns", _CAMPAIGNS, "Campaign", "Campaigns", field="campaign"),
    Route("POST", "/campaigns:batchGet", f"{_CAMPAIGNS}/BatchGetCampaigns", "*"),
    Route(
        "POST",
        "/campaigns/{id}:duplicate",
        f"{_CAMPAIGNS}/DuplicateCampaign",
        "*",
        status=201,
        location="/campaigns/{id}",
    ),
    Route(
        "POST",
        "/campaigns:draftResend",
        f"{_CAMPAIGNS}/DraftResend",
        "*",
        status=201,
        location="/campaigns/{id}",
    ),
    Route("POST", "/campaigns/{id}:review", f"{_CAMPAIGNS}/ReviewCampaign", "*"),
    Route(
        "POST",
        "/campaigns/{id}:start",
        f"{_CAMPAIGNS}/StartCampaign",
        "*",
        status=201,
        location="/runs/{id}",
    ),
    Route("GET", "/runs", f"{_RUNS}/ListRuns"),
    Route("GET", "/runs/{id}", f"{_RUNS}/GetRun"),
    Route("POST", "/runs/{id}:pause", f"{_RUNS}/PauseRun", "*"),
    Route("POST", "/runs/{id}:resume", f"{_RUNS}/ResumeRun", "*"),
    Route("POST", "/runs/{id}:cancel", f"{_RUNS}/CancelRun", "*"),
    Route("GET", "/runs/{id}:watch", f"{_RUNS}/WatchRun", kind="stream"),
    Route("GET", "/runs/{run_id}/recipients", f"{_RUNS}/ListRecipients"),
    Route("GET", "/runs/{run_id}/recipients:export", f"{_RUNS}/ExportRecipients", kind="csv"),
    Route("GET", "/contacts/{contact_id}/recipients", f"{_RUNS}/ListContactRecipients"),
)
