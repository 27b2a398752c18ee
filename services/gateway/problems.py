"""The one table between the error family and RFC 9457 problem details."""

import math
from dataclasses import dataclass, field

import grpc
from werkzeug import exceptions as http

from chassis import context, errors

STATUSES: dict[type[errors.Error], int] = {
    errors.InvalidArgument: 400,
    errors.Unauthenticated: 401,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.FailedPrecondition: 409,
    errors.Aborted: 409,
    errors.ResourceExhausted: 429,
    errors.Unavailable: 503,
    errors.DeadlineExceeded: 504,
}

STATUSES_BY_REASON = {
    "ETAG_STALE": 412,
    "TOO_LARGE": 413,
    "UNSUBSCRIBE_TOKEN_INVALID": 404,
}
"""Where HTTP says it more precisely than the kind of error does."""

REASONS_BY_STATUS = {
    400: "REQUEST_UNREADABLE",
    404: "ROUTE_MISSING",
    405: "METHOD_NOT_ALLOWED",
    406: "NOT_ACCEPTABLE",
    411: "LENGTH_REQUIRED",
    413: "TOO_LARGE",
    415: "MEDIA_TYPE_UNSUPPORTED",
    429: "RATE_LIMITED",
    501: "NOT_IMPLEMENTED",
}
"""Reasons of what HTTP itself refuses; they exist in the gateway only."""

TITLES: dict[str, tuple[str, str]] = {
    "FIELDS_INVALID": ("Some fields are not right", "Có trường chưa đúng"),
    "PAGE_TOKEN_INVALID": ("This page is no longer valid", "Trang này không còn hợp lệ"),
    "REQUEST_ID_REUSED": (
        "The same key came with another request",
        "Cùng một khóa nhưng yêu cầu khác",
    ),
    "ETAG_STALE": ("It was changed in the meantime", "Dữ liệu đã bị thay đổi trong lúc đó"),
    **dict.fromkeys(
        (
            *("TOKEN_INVALID", "TOKEN_MISSING", "TOKEN_ISSUER", "TOKEN_AUDIENCE"),
            "TOKEN_KEY_UNKNOWN",
        ),
        ("Please sign in", "Vui lòng đăng nhập"),
    ),
    "TOKEN_EXPIRED": ("Please sign in again", "Vui lòng đăng nhập lại"),
    "RIGHT_MISSING": ("You may not do this", "Bạn không có quyền làm việc này"),
    "FIELD_HIDDEN": ("A field is hidden from you", "Bạn không được xem trường này"),
    "RESOURCE_MISSING": ("It does not exist", "Không tìm thấy"),
    "RESOURCE_EXISTS": ("It exists already", "Đã tồn tại"),
    "STATE_FORBIDS": ("Its state does not allow this", "Trạng thái hiện tại không cho phép"),
    "ROWS_GONE": (
        "Its details were cleared; its figures stay",
        "Chi tiết đã được dọn; các con số vẫn còn",
    ),
    "CONTACT_ERASED": ("The person was erased", "Dữ liệu cá nhân đã bị xóa"),
    "ERASURE_UNCONFIRMED": ("It was not confirmed", "Chưa được xác nhận"),
    "ERASURE_UNAVAILABLE": (
        "Nobody can be erased in this house yet; ask an administrator",
        "Hệ thống chưa sẵn sàng để xóa dữ liệu; hãy hỏi người quản trị",
    ),
    "RESOURCE_IN_USE": ("Something still needs it", "Vẫn đang được sử dụng"),
    "TEMPLATE_REFUSED": ("The template is refused", "Mẫu bị từ chối"),
    "FILE_UNREADABLE": ("The file cannot be read", "Không đọc được tệp"),
    "TOO_LARGE": ("It is too large", "Dung lượng quá lớn"),
    "RATE_LIMITED": ("Too many requests", "Quá nhiều yêu cầu"),
    "SCOPE_INVALID": (
        "A token with these rights cannot be given",
        "Không thể cấp mã với các quyền này",
    ),
    "SIGN_IN_REFUSED": ("The sign-in is refused", "Không đăng nhập được"),
    **dict.fromkeys(
        ("OIDC_STATE_ENDED", "OIDC_DENIED", "OIDC_ANSWER_INVALID"),
        ("Please sign in again", "Vui lòng đăng nhập lại"),
    ),
    "OIDC_PERSON_REFUSED": ("You have no account here", "Bạn chưa có tài khoản ở đây"),
    "CHALLENGE_ENDED": ("Please sign in again", "Vui lòng đăng nhập lại"),
    "REQUESTS_TOO_MANY": (
        "There are many open requests already; please wait for an answer",
        "Đã có nhiều yêu cầu chưa xong; vui lòng chờ trả lời",
    ),
    "STAFF_SENDER_MISSING": (
        "Mails to colleagues have no sender yet",
        "Chưa có người gửi cho thư nội bộ",
    ),
    "CONTACT_SENDER_MISSING": (
        "Messages to customers by this channel have no sender yet",
        "Chưa có người gửi cho tin đến khách hàng qua kênh này",
    ),
    "PROOF_TOO_OLD": (
        "Please sign in again with a code first",
        "Vui lòng đăng nhập lại bằng mã trước",
    ),
    **dict.fromkeys(
        (
            *("PEER_UNAVAILABLE", "PEER_REFUSED_IDENTITY", "TOKEN_UNAVAILABLE"),
            *("KEYS_UNAVAILABLE", "IDENTITIES_UNREAD", "DATABASE_AWAY", "SCHEMA_BEHIND"),
            *("BROKER_AWAY", "BROKER_MONITOR_AWAY", "BROKER_REFUSED", "BROKER_SYNC"),
        ),
        (
            "A part of the system does not answer; please try again",
            "Một phần của hệ thống chưa phản hồi; vui lòng thử lại",
        ),
    ),
    "RETURN_PATH_INVALID": (
        "This mail is not about one of ours",
        "Thư này không nói về thư nào của chúng tôi",
    ),
    "UNSUBSCRIBE_TOKEN_INVALID": ("This link is not valid", "Liên kết này không hợp lệ"),
    "PASSWORD_LINK_INVALID": ("This link is not valid", "Liên kết này không hợp lệ"),
    "INVITATION_INVALID": ("This link is not valid", "Liên kết này không hợp lệ"),
    "PROPOSAL_LINK_INVALID": ("This link is not valid", "Liên kết này không hợp lệ"),
    **dict.fromkeys(
        ("DEADLINE_PASSED", "DEADLINE_EXCEEDED"), ("It took too long", "Mất quá nhiều thời gian")
    ),
    "UPDATE_MASK_INVALID": ("A field cannot be changed", "Có trường không thể thay đổi"),
    "ON_BEHALF_OF_REFUSED": ("You may not do this", "Bạn không có quyền làm việc này"),
    "AUDIENCE_EMPTY": ("Nobody would get it", "Không có ai trong đối tượng nhận"),
    "CSRF_REFUSED": (
        "This form is out of date; please load the page again",
        "Biểu mẫu đã cũ; vui lòng tải lại trang",
    ),
    "REQUEST_UNREADABLE": ("The request cannot be read", "Không đọc được yêu cầu"),
    "ROUTE_MISSING": ("There is no such page", "Không có trang này"),
    "METHOD_NOT_ALLOWED": ("This method is not offered here", "Không hỗ trợ phương thức này"),
    "NOT_ACCEPTABLE": ("No answer in that form", "Không có định dạng được yêu cầu"),
    "LENGTH_REQUIRED": ("The length is missing", "Thiếu độ dài"),
    "MEDIA_TYPE_UNSUPPORTED": ("This kind of content is not read", "Không đọc loại nội dung này"),
    "NOT_IMPLEMENTED": ("This is not offered", "Chưa được hỗ trợ"),
    "INTERNAL": (
        "Something went wrong on our side",
        "Đã xảy ra lỗi từ phía hệ thống",
    ),
}
"""Titles by reason, in English and Vietnamese."""


@dataclass(frozen=True)
class FieldError:
    """One field of the request that is refused, and why."""

    field: str
    reason: str


@dataclass(frozen=True)
class Problem:
    """A failure as its reader needs it; `as_dict` is the body of application/problem+json."""

    status: int
    reason: str
    detail: str
    fields: list[FieldError] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None
    request_id: str = ""

    def title(self, language: str = "en") -> str:
        """Return one sentence for people."""
        fallback = _FALLBACK.get(self.status) or _FALLBACK[self.status // 100]
        english, vietnamese = TITLES.get(self.reason, fallback)
        return vietnamese if language == "vi" else english

    def as_dict(self, public_url: str) -> dict[str, object]:
        """Return the members of the problem document."""
        return {
            "type": f"{public_url}/api/docs#{self.reason}",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "reason": self.reason,
            "errors": [{"field": it.field, "reason": it.reason} for it in self.fields],
            "metadata": self.metadata,
            "request_id": self.request_id,
        }

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to it."""
        given = {}
        if self.retry_after_seconds is not None:
            given["Retry-After"] = str(max(1, math.ceil(self.retry_after_seconds)))
        if self.status == 401:
            given["WWW-Authenticate"] = 'Bearer realm="mekong"'
        return given


_ALWAYS: dict[type[errors.Error], str] = {
    errors.Unavailable: "PEER_UNAVAILABLE",
    errors.DeadlineExceeded: "DEADLINE_PASSED",
}
"""Kinds that have one reason whoever met them: a dead peer cannot name one."""

_FALLBACK = {
    4: ("The request is refused", "Yêu cầu bị từ chối"),
    5: TITLES["INTERNAL"],
    401: TITLES["TOKEN_INVALID"],
}


def of(failure: Exception) -> Problem:
    """Return the problem that `failure` is; what is not ours becomes INTERNAL without its text."""
    request_id = context.current().request_id
    if isinstance(failure, errors.Error):
        return _of_family(failure, request_id)
    if isinstance(failure, http.HTTPException):
        return _of_http(failure, request_id)
    if isinstance(failure, grpc.RpcError) and failure.code() is grpc.StatusCode.UNIMPLEMENTED:
        return Problem(
            501, "NOT_IMPLEMENTED", "a peer does not offer this call", request_id=request_id
        )
    return Problem(500, "INTERNAL", "internal error", request_id=request_id)


def _of_family(failure: errors.Error, request_id: str) -> Problem:
    by_kind = next(STATUSES[kind] for kind in type(failure).__mro__ if kind in STATUSES)
    reason = _ALWAYS.get(type(failure), failure.reason)
    retry = failure.retry_after_seconds
    if retry is None and isinstance(failure, errors.Unavailable):
        retry = 1.0
    return Problem(
        status=STATUSES_BY_REASON.get(reason, by_kind),
        reason=reason,
        detail=failure.message,
        fields=[FieldError(it.field, it.description) for it in failure.violations],
        metadata=dict(failure.metadata),
        retry_after_seconds=retry,
        request_id=request_id,
    )


def _of_http(failure: http.HTTPException, request_id: str) -> Problem:
    code = failure.code or 500
    retry = failure.retry_after if isinstance(failure, http.TooManyRequests) else None
    seconds = 60.0 if code == 429 else None
    if isinstance(retry, int):
        seconds = float(retry)
    return Problem(
        status=code,
        reason=REASONS_BY_STATUS.get(code, "INTERNAL" if code >= 500 else f"HTTP_{code}"),
        detail=(failure.description or failure.name) if code < 500 else "internal error",
        retry_after_seconds=seconds,
        request_id=request_id,
    )
