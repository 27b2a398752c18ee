"""What invented people are drawn from: common names, real places, plain companies."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A province of 2025 with some of its wards."""

    province: str
    wards: tuple[str, ...]


FAMILY = (
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ",
    "Hồ", "Ngô", "Dương", "Lý", "Đào", "Đinh", "Tạ", "Mai",
)  # fmt: skip
FEMALE = (
    ("Thị", "Lan"), ("Thị", "Hương"), ("Thị Thu", "Hà"), ("Ngọc", "Ánh"), ("Thị Minh", "Khai"),
    ("Thanh", "Thảo"), ("Bảo", "Trâm"), ("Thị", "Đào"), ("Mỹ", "Duyên"), ("Thùy", "Linh"),
    ("Khánh", "Vy"), ("Thị Kim", "Oanh"), ("Quỳnh", "Như"), ("Phương", "Uyên"), ("Diễm", "Quỳnh"),
)  # fmt: skip
MALE = (
    ("Văn", "Hùng"), ("Đức", "Anh"), ("Minh", "Quân"), ("Quốc", "Bảo"), ("Hữu", "Phước"),
    ("Anh", "Tuấn"), ("Thành", "Đạt"), ("Xuân", "Trường"), ("Gia", "Huy"), ("Hoàng", "Long"),
    ("Trọng", "Nghĩa"), ("Đình", "Khôi"), ("Công", "Phượng"), ("Bá", "Lộc"), ("Tấn", "Phát"),
)  # fmt: skip
PREFIXES = ("090", "091", "093", "096", "097", "098", "070", "077", "081", "083", "032", "035")
DOMAINS = ("thu.example", "hop-thu.example", "mail.example", "congty.example")
STREETS = (
    "Nguyễn Huệ", "Lê Lợi", "Trần Hưng Đạo", "Hai Bà Trưng", "Lý Thường Kiệt", "Điện Biên Phủ",
    "Phan Chu Trinh", "Cách Mạng Tháng Tám", "Quang Trung", "Nguyễn Trãi",
)  # fmt: skip
SOURCES = ("Facebook", "Zalo", "Tờ rơi", "Website", "Sự kiện", "Giới thiệu")
COMPANIES = (
    "Công ty TNHH Sông Tiền", "Cửa hàng Hoa Sen", "Nhà thuốc An Khang Phúc",
    "Trường Mầm non Hoa Mai", "Công ty CP Cửu Long Xanh", "Quán Cà phê Bến Nước",
)  # fmt: skip
NOTES = (
    "Thích gọi buổi tối", "Đã xem hàng tại cửa hàng", "Hỏi giá gói gia đình",
    "Khách quen của chi nhánh 2", "Cần báo giá trước cuối tháng",
)  # fmt: skip
PLACES = (
    Place("Thành phố Hà Nội", ("Phường Ba Đình", "Phường Hoàn Kiếm", "Phường Cửa Nam")),
    Place("Thành phố Hồ Chí Minh", ("Phường Sài Gòn", "Phường Bến Thành", "Phường Tân Định")),
    Place("Thành phố Đà Nẵng", ("Phường Hải Châu", "Phường Sơn Trà")),
    Place("Thành phố Cần Thơ", ("Phường Ninh Kiều", "Phường Cái Khế")),
    Place("Thành phố Hải Phòng", ("Phường Hồng Bàng", "Phường Lê Chân")),
    Place("Thành phố Huế", ("Phường Phú Xuân", "Phường Vỹ Dạ")),
    Place("Tỉnh Đồng Tháp", ("Phường Mỹ Tho", "Phường Cao Lãnh")),
    Place("Tỉnh Vĩnh Long", ("Phường Long Châu", "Phường Bến Tre")),
    Place("Tỉnh An Giang", ("Phường Long Xuyên", "Phường Rạch Giá")),
    Place("Tỉnh Lâm Đồng", ("Phường Xuân Hương - Đà Lạt", "Phường Phan Thiết")),
)


def plain(text: str) -> str:
    """Return the text in small letters without accents, as in an e-mail address."""
    spread = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(letter for letter in spread if not unicodedata.combining(letter))
