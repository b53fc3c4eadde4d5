"""Whatever was sent can be shown: decoded when it is sound, as far as it goes when it is not."""

from hypothesis import given
from hypothesis import strategies as st

from mock_idp.mail.contents import contents_of, subject_of, with_links


def test_words_of_headers_are_decoded_and_stand_on_one_line() -> None:
    message = b"Subject: =?utf-8?q?Zo=C3=AB?=\r\n =?utf-8?q?_en_ik?=\r\nX-Raw: caf\xe9\r\n\r\nhello\r\n"

    assert subject_of(message) == "Zoë en ik"
    assert dict(contents_of(message).headers)["X-Raw"] == "caf\N{REPLACEMENT CHARACTER}"
    assert contents_of(message).text == "hello\n"


def test_text_html_and_attachments_are_told_apart() -> None:
    message = (
        b'Content-Type: multipart/mixed; boundary="b"\n\n'
        b"--b\nContent-Type: text/html; charset=latin1\n\n<p>caf\xe9</p>\n"
        b"--b\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n"
        b'--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="a.pdf"\n\nx\n'
        b"--b\nContent-Type: image/png\n\nx\n--b--\n"
    )

    shown = contents_of(message)

    assert shown.html is not None
    assert shown.html.strip() == "<p>café</p>"
    assert shown.text == "hello"
    assert shown.attachments == ("a.pdf", "image/png")


def test_an_unknown_character_set_is_read_as_utf_8() -> None:
    assert contents_of("Content-Type: text/plain; charset=klingon\n\nZoë".encode()).text == "Zoë"


def test_addresses_of_the_web_become_links_without_the_full_stop_after_them() -> None:
    text = "Zie https://voorbeeld.test/a?b=c. Of (http://x.test), niet javascript:alert(1)"

    pieces = with_links(text)

    assert [piece for piece, is_link in pieces if is_link] == ["https://voorbeeld.test/a?b=c", "http://x.test"]
    assert "".join(piece for piece, _ in pieces) == text


@given(st.binary(max_size=600))
def test_no_octets_whatsoever_break_the_reading(octets: bytes) -> None:
    shown = contents_of(octets)

    assert "\r" not in subject_of(octets)
    for text in (shown.text, shown.html, *shown.attachments, *(value for _, value in shown.headers)):
        assert (text or "").encode("utf-8").decode() == (text or "")


HEADER = st.sampled_from(
    ["Subject", "Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "From", "Date"]
)
VALUE = st.sampled_from(
    ["=?utf-8?b?x?=", "=?a?q?=80?=", "multipart/mixed", 'text/plain; charset="', "base64", "uu", "@"]
)


@given(st.lists(st.tuples(HEADER, VALUE | st.text(max_size=30)), max_size=6), st.binary(max_size=100))
def test_no_header_whatsoever_breaks_the_reading(headers: list[tuple[str, str]], body: bytes) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("utf-8", errors="replace")

    contents_of(head + b"\r\n" + body)
    subject_of(head + b"\r\n" + body)
