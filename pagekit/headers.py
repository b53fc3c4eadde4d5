"""The response headers that every page of ours carries.

Pages need no inline script or style and load nothing from elsewhere; nothing here loosens that per page.
"""

from typing import Literal

Referrer = Literal["same-origin", "no-referrer"]

# Powers that no page of ours uses, so that injected content has none of them either.
_POWERS = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
)
_MORE_POWERS = ("midi", "payment", "serial", "usb", "xr-spatial-tracking")


def security_headers(
    *,
    form_targets: tuple[str, ...] = (),
    frames: tuple[str, ...] = (),
    live: bool = False,
    referrer: Referrer = "same-origin",
) -> tuple[tuple[bytes, bytes], ...]:
    """Headers for an HTML response, names in lower case as ASGI wants them.

    form_targets: origins beside our own to which submitting a form may lead. Chromium applies `form-action` to the
    redirects after a post as well, so a form that ends at the identity provider names the provider's origin here.
    frames: origins whose pages this one shows in frames.
    live: the page's script may open an event stream or WebSocket to its own origin.
    referrer: `same-origin` tells other sites nothing either, and keeps `Origin` usable on our own posts; under
    `no-referrer` browsers send `Origin: null` there (Fetch standard, "append a request Origin header").
    """
    for target in (*form_targets, *frames):
        if any(character in target for character in " ;,\r\n\t'\"") or not target:
            raise ValueError(f"not an origin: {target!r}")
    policy = "; ".join(
        (
            "default-src 'none'",
            "style-src 'self'",
            "img-src 'self' data:",
            "script-src 'self'",
            *(("connect-src 'self'",) if live else ()),
            *((" ".join(("frame-src", *frames)),) if frames else ()),
            " ".join(("form-action 'self'", *form_targets)),
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )
    return (
        (b"content-security-policy", policy.encode("ascii")),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", referrer.encode("ascii")),
        (b"permissions-policy", ", ".join(f"{power}=()" for power in _POWERS + _MORE_POWERS).encode("ascii")),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
    )
