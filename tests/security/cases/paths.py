"""Confusing paths (D37 to D46): where `public` is open to the visitor and `admin` is not. Values only."""

from __future__ import annotations

from tests.security.cases.form import SMUGGLED, Case, head, refused

_DOTS = (
    b"/public/../admin", b"/public/../admin/", b"/public/%2e%2e/admin/", b"/public/%2E%2E/admin/", b"/public/.%2e/admin/", b"/public/%2e./admin/", b"/public/%2e%2e%2fadmin/",
    b"/public%2f..%2fadmin/", b"/public/..%2fadmin/", b"/public/%2e%2e%5cadmin/", b"/public/a/../../admin/", b"/public/./../admin/", b"/public/%2e/x", b"/public/..", b"/public/.",
    b"/public/../", b"/public/%2e%2e", b"/..", b"/../public/", b"/../admin/", b"/./public/", b"/%2e/public/", b"/public/...", b"/public/.../admin/", b"/public/..;/admin/", b"/public/..%00/admin/",
    b"/public/..%20/admin/", b"/public/..%09/admin/", b"/public/..?/../admin/", b"/public/%2e%2e%3b/admin/", b"/public/../../../../etc/passwd", b"/..%2fadmin/", b"/public/..../admin/", b"/public/x/..",
)  # fmt: skip
_SLASHES = (
    b"//admin", b"//admin/", b"///admin/", b"/./admin/", b"/admin//", b"/admin/.", b"/admin/..", b"//public/x", b"/public//x", b"/public//admin/", b"/public///", b"/%2fadmin/", b"/%2f/admin/",
    b"/admin%2f", b"/admin%2fx", b"/public%2fx", b"/admin/%2e", b"/public/%20", b"/admin%20/", b"/admin%09/", b"/%20admin/", b"/%09admin/", b"/public/x%20", b"/public/x.", b"/public/x./y", b"/public./x", b"/admin./",
    b"/admin%20/x", b"/public/%20x", b"/public/x%20/y", b"/admin%0b/", b"/admin%a0/", b"/admin%c2/", b"/admin%7f/",
)  # fmt: skip
_PARAMETERS = (
    b"/admin;x=1", b"/admin;x=1/", b"/admin/;x", b"/public;/../admin/", b"/public;x/y", b"/admin;/", b"/;/admin/", b"/public/;/x", b"/public/..;/admin/", b"/public/x;jsessionid=1", b"/admin%3b/", b"/admin%3Bx=1/",
    b"/public/x%3b", b"/;x=1/public/", b"/public/x;", b"/public/%3b/admin/",
)  # fmt: skip
_BACKSLASHES = (
    b"\\admin", b"/\\admin/", b"/public\\..\\admin/", b"/public/..\\admin/", b"/public/%5c..%5cadmin/", b"/public%5c..%5cadmin/", b"/public/%5C", b"/%5cadmin/", b"/public/\\", b"/public\\x", b"\\\\admin\\x", b"/public/x\\y",
    b"/\\/admin/", b"/public/..%5c..%5cadmin/",
)  # fmt: skip
_CONTROLS = (
    b"/public/%00", b"/public/%00/x", b"/admin%00", b"/public%00/admin/", b"/public/?x=%00", b"/public/%0d%0a", b"/public/%0D%0AX-Inkom-Person:%20x", b"/public/%0a", b"/public/%0d", b"/public/%09", b"/public/%01", b"/public/%1f",
    b"/public/%7f", b"/public/\x00", b"/public/\x01", b"/public/\x07", b"/public/\x1f", b"/public/\x7f", b"/public/\x80", b"/public/\xff", b"/public/\xc3\xa9", b"/public/\xe2\x80\xae", b"/public/?x=\x01", b"/public/?x=\xe9", b"/public/\t",
    b"/public/?\x00", b"/public/a\x0bb", b"/public/a\x0cb", b"/public/%c2%85", b"/public/%c2%80", b"/public/%C2%9F",
)  # fmt: skip
_ENCODINGS = (
    b"/public/%c0%af", b"/public/%c0%ae%c0%ae/", b"/public/%c0%ae%c0%ae%c0%afadmin/", b"/public/%e0%80%af", b"/public/%f0%80%80%af", b"/public/%c1%9c", b"/public/%c0%2f", b"/public/%e0%80%ae", b"/public/%fc%80%80%80%80%af", b"/public/%c0",
    b"/public/%ff", b"/public/%fe", b"/public/%e9", b"/public/%80", b"/public/%c3", b"/public/%c3%28", b"/public/%ed%a0%80", b"/public/%f4%90%80%80", b"/public/%", b"/public/%2", b"/public/%zz", b"/public/%2z", b"/public/%z2", b"/public/%%32e",
    b"/public/%u002e", b"/public/%u002e%u002e/", b"/public/%U002E", b"/public/%%", b"/public/% 2", b"/public/%-1", b"/public/%+1", b"/public/%0x2e", b"/public/%2%65", b"/public/x%", b"/public/%2%2fadmin",
)  # fmt: skip
_FRAGMENTS = (
    b"/admin#x", b"/public#/../admin/", b"/public/#", b"/public/x#", b"/public/?x#y", b"#", b"/#", b"/public/#/admin/", b"#/public/", b"/admin/#/../public/",
)  # fmt: skip
_CHARACTERS = tuple(b"/public/" + bad for bad in [b'"', b"<", b">", b"^", b"`", b"{", b"}", b"{x}", b"<script>"])


def _gets(statement: str, targets: tuple[bytes, ...]) -> tuple[Case, ...]:
    return refused(statement, [(repr(target), head(target=target) + SMUGGLED) for target in targets])


REFUSED = (
    *_gets("D37 V17 V26", _DOTS),
    *_gets("D38", _SLASHES),
    *_gets("D39", _PARAMETERS),
    *_gets("D40", _BACKSLASHES),
    *_gets("D41", _CONTROLS),
    *_gets("D42", _ENCODINGS),
    *_gets("D45", _FRAGMENTS),
    *_gets("D26", _CHARACTERS),
)

# Sent as they came, and decided on as (path of the audit record).
SENT_AS_THEY_CAME = (
    ("D43", b"/public/%252e%252e%252fadmin/", b"/public/%252e%252e%252fadmin/"),
    ("D43", b"/public/%252e%252e/admin/", b"/public/%252e%252e/admin/"),
    ("D43", b"/public/%25", b"/public/%25"),
    ("D43", b"/public/%2500", b"/public/%2500"),
    ("D43", b"/public/%255c..%255cx", b"/public/%255c..%255cx"),
    ("D43", b"/public/%25252e", b"/public/%25252e"),
    ("D44", b"/%70ublic/x", b"/public/x"),
    ("D44", b"/%70%75%62%6c%69%63/%61dmin", b"/public/admin"),
    ("D44", b"/public/%7Ex%2dy%5fz%2ew", b"/public/~x-y_z.w"),
    ("D44", b"/public/admin%c3%a9", b"/public/admin%C3%A9"),
    ("D44", b"/public/admine%cc%81", b"/public/admine%CC%81"),
    ("D44", b"/public/%EF%BD%81dmin", b"/public/%EF%BD%81dmin"),
    ("D44", b"/public/ADMIN", b"/public/ADMIN"),
    ("D45", b"/public/?../admin", b"/public/"),
    ("D45", b"/public/x?/../admin/", b"/public/x"),
    ("D45", b"/public/x?a=%2e%2e%2f&b=;c//d\\e", b"/public/x"),
    ("D45", b"/public/x?%0d%0aX:1", b"/public/x"),
    ("D45", b"/public/x%3f/z", b"/public/x%3F/z"),
    ("D45", b"/public/?", b"/public/"),
    ("D45", b"/public/??", b"/public/"),
    ("D45", b"/public/?x=%zz", b"/public/"),
    ("D46", b"/publicity/x", b"/publicity/x"),
    ("D30", b"/public/x:y@z", b"/public/x:y@z"),
    ("V17", b"/public/a%20b!$&'()*+,=:@", b"/public/a%20b!$&'()*+,=:@"),
    ("V26", b"/public/a%2Bb+c", b"/public/a%2Bb+c"),
    ("V31", b"/public/x?y=/public?", b"/public/x"),
)

# Closed (403), found nowhere (404), led to the address with a slash (303), or the start page (200): never forwarded.
NOT_LET_IN = (
    ("D38", b"/admin/", 403),
    ("D38", b"/admin", 303),
    ("D38", b"/admin/x", 403),
    ("D38", b"/admin/%41", 403),
    ("D44", b"/ADMIN/", 404),
    ("D44", b"/Admin/", 404),
    ("D44", b"/PUBLIC/x", 404),
    ("D44", b"/Public/x", 404),
    ("D44", b"/%61dmin/", 403),
    ("D44", b"/%61%64%6d%69%6e/", 403),
    ("D44", b"/%41dmin/", 404),
    ("D44", b"/%ef%bd%81dmin/", 404),
    ("D44", b"/admin%c3%a9/", 404),
    ("D44", b"/admine%cc%81/", 404),
    ("D44", b"/%c5%bfublic/", 404),
    ("D44", b"/publ%c4%b1c/x", 404),
    ("D45", b"/admin/?x", 403),
    ("D45", b"/admin/?/public/", 403),
    ("D45", b"/admin?x", 303),
    ("D45", b"/admin?/public/", 303),
    ("D45", b"/admin%3fx", 404),
    ("D45", b"/public?../admin", 303),
    ("D45", b"/?/public/", 200),
    ("D46", b"/public", 303),
    ("D46", b"/public.evil/", 404),
    ("D46", b"/publi/", 404),
    ("D46", b"/publicx/", 404),
    ("D46", b"/public%20x/", 404),
    ("D46", b"/x/public/", 404),
    ("D46", b"/public-/", 404),
    ("D46", b"/.public/", 404),
)
