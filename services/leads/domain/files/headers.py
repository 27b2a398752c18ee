"""Which field a column is, told by its header in Vietnamese or English, or by what it holds."""

import functools
import re
from collections.abc import Sequence

from services.leads.domain import reachable, text

FIELDS = (
    *("family_name", "given_name", "display_name", "salutation", "phone", "email", "company"),
    *("job_title", "gender", "birthday", "street", "ward", "province", "postal_code", "source"),
    *("tags", "description", "external_id", "reference_code", "create_time"),
    *("consent_evidence", "consent_time", "consent_channels"),
)
MANY = frozenset({"phone", "email", "tags", "description"})

# Headers as folded text: no accents, no case, only letters, digits and single spaces.
_KNOWN = {
    "family_name": "ho|last name|lastname|surname|family name|lname",
    "given_name": "ten|ten dem va ten|first name|firstname|given name|middle and given name|fname",
    "display_name": "ho va ten|ho ten|ten khach hang|ten lien he|khach hang|full name|fullname|"
    "name|display name|customer name|contact name|lead name",
    "salutation": "danh xung|xung ho|salutation|title prefix|prefix",
    "phone": "so dien thoai|dien thoai|sdt|so dt|dt|dien thoai di dong|di dong|mobile|mobile phone|"
    "mobile number|phone|phone number|telephone|tel|cell|home phone|business phone|work phone|"
    "so zalo|zalo",
    "email": "email|e mail|thu dien tu|dia chi email|email address|e mail address|work email|"
    "work e mail|mail",
    "company": "cong ty|ten cong ty|co quan|to chuc|company|company name|organization|organisation|"
    "account name|associated company",
    "job_title": "chuc vu|chuc danh|job title|title|position",
    "gender": "gioi tinh|phai|gender|sex",
    "birthday": "ngay sinh|sinh nhat|birthday|birth date|birthdate|date of birth|dob",
    "street": "dia chi|so nha|duong|so nha duong|address|street|street address|mailing street",
    "ward": "phuong xa|phuong|xa|xa phuong|ward|commune|ward or commune",
    "province": "tinh thanh pho|tinh thanh|tinh|thanh pho|tp|province|city|state|state province|"
    "province or city|mailing city",
    "postal_code": "ma buu chinh|ma buu dien|postal code|zip|zip code|postcode",
    "source": "nguon|nguon khach hang|kenh|source|lead source|original source",
    "tags": "nhan|the|tags|tag|labels|categories",
    "description": "ghi chu|mo ta|noi dung|notes|note|description|comment|comments|remarks",
    "external_id": "id|record id|lead id|contact id|customer id|external id",
    "reference_code": "ma khach hang|ma kh|ma lien he|reference code|customer code|code",
    "create_time": "ngay tao|created time|create date|created date|created at",
    "consent_evidence": "bang chung dong y|bang chung|consent evidence|opt in evidence",
    "consent_time": "ngay dang ky|ngay dong y|thoi gian dang ky|consent time|consent date|"
    "opt in date|opt in time|registered at",
    "consent_channels": "kenh dong y|kenh nhan tin|consent channels|opt in channels",
}
_FIELD_OF = {name: field for field, names in _KNOWN.items() for name in names.split("|")}
_NUMBERED = re.compile(r"(?:\s*\d+)(?:\s+(?:value|so))?$")
_WORDS = re.compile(r"[^0-9a-z]+")

FACEBOOK_FIXED = (
    *("id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id"),
    *("campaign_name", "form_id", "form_name", "is_organic", "platform"),
)
_FACEBOOK_LAST = frozenset({"inbox_url", "lead_status"})
_FACEBOOK = {
    "id": "external_id",
    "created_time": "create_time",
    "work_email": "email",
    "street_address": "street",
    "company_name": "company",
    "date_of_birth": "birthday",
}


def plain(header: str) -> str:
    """Return a header as it is compared: "E-mail  Address" and "e_mail address" are one."""
    return _WORDS.sub(" ", text.fold(header)).strip()


@functools.lru_cache(maxsize=4096)
def field(header: str) -> str:
    """Return the field that a header names; empty when it is none of the known."""
    name = plain(header)
    return _FIELD_OF.get(name) or _FIELD_OF.get(_NUMBERED.sub("", name), "")


def is_facebook(header: Sequence[str]) -> bool:
    """Return whether the columns are those of Facebook Lead Ads."""
    return {"id", "created_time", "form_id", "platform", "is_organic"} <= set(header)


def suggest(header: Sequence[str]) -> list[str]:
    """Return a field for each column; a field that takes one value is suggested once."""
    if is_facebook(header):
        return [_facebook(name) for name in header]
    found: list[str] = []
    for name in header:
        guess = field(name)
        found.append("" if guess in found and guess not in MANY else guess)
    if "display_name" in found and "family_name" not in found and "given_name" in found:
        found[found.index("given_name")] = ""
    return found


def _facebook(name: str) -> str:
    if name in _FACEBOOK:
        return _FACEBOOK[name]
    if name in FACEBOOK_FIXED or name in _FACEBOOK_LAST:
        return ""
    # What is left are the form's own questions: an answer that is no field of ours is kept as text.
    return field(name) or "description"


def guess(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return a field for each of `width` columns without a header, by what most rows hold."""
    found: list[str] = []
    for place in range(width):
        cells = [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
        field_ = _kind(cells)
        found.append("" if field_ in found and field_ not in MANY else field_)
    return found


def _kind(cells: Sequence[str]) -> str:
    if not cells:
        return ""
    most = len(cells) * 0.6
    if sum(reachable.email(cell) is not None for cell in cells) >= most:
        return "email"
    if sum(reachable.phone(cell) is not None for cell in cells) >= most:
        return "phone"
    if sum(" " in cell and not any(c.isdigit() for c in cell) for cell in cells) >= most:
        return "display_name"
    return ""


def looks_like_header(row: Sequence[str]) -> bool:
    """Return whether a first row names columns rather than being a person."""
    cells = [cell.strip() for cell in row if cell.strip()]
    if any(reachable.email(cell) or reachable.phone(cell) for cell in cells):
        return False
    return sum(bool(field(cell)) for cell in cells) >= 1 or is_facebook(row)
