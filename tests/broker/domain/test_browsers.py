"""What a browser calls itself, in words that a person recognises."""

import pytest

from broker.domain.browsers import Browser, browser_of

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "name", "system"),
    [
        (CHROME, "Chrome", "Windows"),
        (CHROME + " Edg/156.0", "Edge", "Windows"),
        (CHROME + " OPR/120.0", "Opera", "Windows"),
        (IPHONE, "Safari", "iPhone"),
        (IPHONE.replace("Version/18.1", "CriOS/156.0"), "Chrome", "iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0", "Firefox", "Linux"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/156.0 Mobile Safari/537.36", "Chrome", "Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15", "Safari", "macOS"),
        ("curl/8.5.0", "", ""),
        ("", "", ""),
    ],
)
def test_the_usual_browsers_are_recognised(user_agent: str, name: str, system: str) -> None:
    assert browser_of(user_agent) == Browser(name=name, system=system)


def test_nothing_of_what_was_sent_is_kept() -> None:
    kept = browser_of("<script>82672100108</script> Chrome/1.2.3.4 (Windows \x1b[31m)")
    assert kept == Browser(name="Chrome", system="Windows")
