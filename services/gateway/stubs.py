"""Every service that the gateway calls, and its stub."""

from collections.abc import Mapping
from typing import Any

from crm.accounts.v1 import (
    audit_service_pb2_grpc,
    contact_login_service_pb2_grpc,
    oidc_service_pb2_grpc,
    password_service_pb2_grpc,
    second_factor_service_pb2_grpc,
    session_service_pb2_grpc,
    user_service_pb2_grpc,
)
from crm.accounts.v1 import portal_service_pb2_grpc as login_portal
from crm.campaigns.v1 import access_service_pb2_grpc as campaign_access
from crm.campaigns.v1 import (
    campaign_service_pb2_grpc,
    run_service_pb2_grpc,
    template_service_pb2_grpc,
)
from crm.interactions.v1 import access_service_pb2_grpc as interaction_access
from crm.interactions.v1 import (
    agenda_service_pb2_grpc,
    calendar_service_pb2_grpc,
    feed_service_pb2_grpc,
    follow_up_batch_service_pb2_grpc,
    follow_up_service_pb2_grpc,
    interaction_service_pb2_grpc,
    lead_report_service_pb2_grpc,
    note_service_pb2_grpc,
    notification_service_pb2_grpc,
    portal_service_pb2_grpc,
    proposal_attachment_service_pb2_grpc,
    proposal_service_pb2_grpc,
    reassignment_service_pb2_grpc,
    request_service_pb2_grpc,
    series_service_pb2_grpc,
    working_hours_service_pb2_grpc,
)
from crm.interactions.v1 import report_service_pb2_grpc as follow_up_reports
from crm.leads.v1 import access_service_pb2_grpc as lead_access
from crm.leads.v1 import (
    consent_service_pb2_grpc,
    contact_service_pb2_grpc,
    erasure_service_pb2_grpc,
    import_service_pb2_grpc,
    report_service_pb2_grpc,
    segment_service_pb2_grpc,
    source_cost_service_pb2_grpc,
    source_service_pb2_grpc,
    transaction_service_pb2_grpc,
)
from crm.leads.v1 import portal_service_pb2_grpc as lead_portal
from crm.notifier.v1 import (
    compliance_service_pb2_grpc,
    doubt_service_pb2_grpc,
    inbound_service_pb2_grpc,
    message_service_pb2_grpc,
    support_service_pb2_grpc,
    suppression_service_pb2_grpc,
)

STUBS: Mapping[str, Any] = {
    "crm.leads.v1.ContactService": contact_service_pb2_grpc.ContactServiceStub,
    "crm.leads.v1.ErasureService": erasure_service_pb2_grpc.ErasureServiceStub,
    "crm.leads.v1.SourceService": source_service_pb2_grpc.SourceServiceStub,
    "crm.leads.v1.SourceCostService": source_cost_service_pb2_grpc.SourceCostServiceStub,
    "crm.leads.v1.ReportService": report_service_pb2_grpc.ReportServiceStub,
    "crm.leads.v1.LifeStageService": source_service_pb2_grpc.LifeStageServiceStub,
    "crm.leads.v1.TransactionService": transaction_service_pb2_grpc.TransactionServiceStub,
    "crm.leads.v1.ConsentService": consent_service_pb2_grpc.ConsentServiceStub,
    "crm.leads.v1.SegmentService": segment_service_pb2_grpc.SegmentServiceStub,
    "crm.leads.v1.ImportService": import_service_pb2_grpc.ImportServiceStub,
    "crm.leads.v1.PortalService": lead_portal.PortalServiceStub,
    "crm.leads.v1.AccessService": lead_access.AccessServiceStub,
    "crm.interactions.v1.PortalService": portal_service_pb2_grpc.PortalServiceStub,
    "crm.interactions.v1.RequestService": request_service_pb2_grpc.RequestServiceStub,
    "crm.interactions.v1.AccessService": interaction_access.AccessServiceStub,
    "crm.campaigns.v1.AccessService": campaign_access.AccessServiceStub,
    "crm.interactions.v1.FollowUpService": follow_up_service_pb2_grpc.FollowUpServiceStub,
    "crm.interactions.v1.CalendarService": calendar_service_pb2_grpc.CalendarServiceStub,
    "crm.interactions.v1.FeedService": feed_service_pb2_grpc.FeedServiceStub,
    "crm.interactions.v1.ReassignmentService": (
        reassignment_service_pb2_grpc.ReassignmentServiceStub
    ),
    "crm.interactions.v1.WorkingHoursService": (
        working_hours_service_pb2_grpc.WorkingHoursServiceStub
    ),
    "crm.interactions.v1.FollowUpBatchService": (
        follow_up_batch_service_pb2_grpc.FollowUpBatchServiceStub
    ),
    "crm.interactions.v1.InteractionService": (interaction_service_pb2_grpc.InteractionServiceStub),
    "crm.interactions.v1.AgendaService": agenda_service_pb2_grpc.AgendaServiceStub,
    "crm.interactions.v1.SeriesService": series_service_pb2_grpc.SeriesServiceStub,
    "crm.interactions.v1.NoteService": note_service_pb2_grpc.NoteServiceStub,
    "crm.interactions.v1.NotificationService": (
        notification_service_pb2_grpc.NotificationServiceStub
    ),
    "crm.interactions.v1.ReportService": follow_up_reports.ReportServiceStub,
    "crm.interactions.v1.LeadReportService": lead_report_service_pb2_grpc.LeadReportServiceStub,
    "crm.interactions.v1.TimelineService": note_service_pb2_grpc.TimelineServiceStub,
    "crm.interactions.v1.ProposalTemplateService": (
        proposal_service_pb2_grpc.ProposalTemplateServiceStub
    ),
    "crm.interactions.v1.ProposalService": proposal_service_pb2_grpc.ProposalServiceStub,
    "crm.interactions.v1.ProposalAttachmentService": (
        proposal_attachment_service_pb2_grpc.ProposalAttachmentServiceStub
    ),
    "crm.interactions.v1.ProposalLinkService": proposal_service_pb2_grpc.ProposalLinkServiceStub,
    "crm.campaigns.v1.TemplateService": template_service_pb2_grpc.TemplateServiceStub,
    "crm.campaigns.v1.CampaignService": campaign_service_pb2_grpc.CampaignServiceStub,
    "crm.campaigns.v1.RunService": run_service_pb2_grpc.RunServiceStub,
    "crm.notifier.v1.MessageService": message_service_pb2_grpc.MessageServiceStub,
    "crm.notifier.v1.DoubtService": doubt_service_pb2_grpc.DoubtServiceStub,
    "crm.notifier.v1.SupportService": support_service_pb2_grpc.SupportServiceStub,
    "crm.notifier.v1.SuppressionService": suppression_service_pb2_grpc.SuppressionServiceStub,
    "crm.notifier.v1.SenderService": suppression_service_pb2_grpc.SenderServiceStub,
    "crm.notifier.v1.InboundMailService": inbound_service_pb2_grpc.InboundMailServiceStub,
    "crm.notifier.v1.DoNotCallService": compliance_service_pb2_grpc.DoNotCallServiceStub,
    "crm.notifier.v1.AgreementService": compliance_service_pb2_grpc.AgreementServiceStub,
    "crm.accounts.v1.UserService": user_service_pb2_grpc.UserServiceStub,
    "crm.accounts.v1.ApiClientService": user_service_pb2_grpc.ApiClientServiceStub,
    "crm.accounts.v1.SessionService": session_service_pb2_grpc.SessionServiceStub,
    "crm.accounts.v1.SecondFactorService": second_factor_service_pb2_grpc.SecondFactorServiceStub,
    "crm.accounts.v1.OidcService": oidc_service_pb2_grpc.OidcServiceStub,
    "crm.accounts.v1.PasswordService": password_service_pb2_grpc.PasswordServiceStub,
    "crm.accounts.v1.ContactLoginService": contact_login_service_pb2_grpc.ContactLoginServiceStub,
    "crm.accounts.v1.ContactSessionService": (
        contact_login_service_pb2_grpc.ContactSessionServiceStub
    ),
    "crm.accounts.v1.PortalService": login_portal.PortalServiceStub,
    "crm.accounts.v1.TokenService": session_service_pb2_grpc.TokenServiceStub,
    "crm.accounts.v1.AuditService": audit_service_pb2_grpc.AuditServiceStub,
}
