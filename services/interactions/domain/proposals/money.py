"""Currencies of ISO 4217 and amounts as readers of each language write them."""

_ACTIVE = frozenset(
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
    "GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW "
    "KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR "
    "MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR "
    "SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
    "UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG".split()
)
_WITHOUT_MINOR = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split()
)
_THOUSANDTHS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


def is_currency(code: str) -> bool:
    """Returns True for a code that money is counted in today."""
    return code in _ACTIVE


def exponent(currency: str) -> int:
    """Returns how many digits its minor units are: 0 for VND, 2 for USD, 3 for KWD."""
    if currency in _WITHOUT_MINOR:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


def shown(minor_units: int, currency: str, locale: str) -> str:
    """Returns 1250000 VND as "1.250.000 ₫", 1250 USD in English as "12.50 USD"."""
    digits = exponent(currency)
    whole, part = divmod(abs(minor_units), 10**digits)
    text = grouped(whole, locale)
    if digits:
        text += f"{_point(locale)}{part:0{digits}d}"
    sign = "-" if minor_units < 0 else ""
    return f"{sign}{text} {'₫' if currency == 'VND' else currency}"


def decimal(text: str, locale: str) -> str:
    """Returns a decimal of ours ("1234.5") as people write it ("1.234,5")."""
    whole, _, part = text.partition(".")
    return grouped(int(whole), locale) + (f"{_point(locale)}{part}" if part else "")


def grouped(value: int, locale: str) -> str:
    """Returns 1234567 as "1.234.567" or "1,234,567"."""
    text = f"{value:,}"
    return text.replace(",", ".") if locale == "vi" else text


def _point(locale: str) -> str:
    return "," if locale == "vi" else "."
