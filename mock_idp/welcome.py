"""What a person reads in the terminal once the mock is ready: where things are, and as whom to sign in."""

from __future__ import annotations

from mock_idp.acm.clients import Client
from mock_idp.columns import columns
from mock_idp.listing_verbs import cast_rows
from mock_idp.settings import Settings
from mock_idp.world.questions import World

SHOWN = 6
INDENT = "  "


def welcome(settings: Settings, world: World, clients: tuple[Client, ...], *, smtp_port: int | None) -> str:
    places = [
        ("Open", f"{settings.origin}/"),
        ("Issuer", settings.issuer),
        ("Discovery", f"{settings.issuer}/.well-known/openid-configuration"),
        ("Registers", f"{settings.origin}/openapi.yaml (bearer token {settings.register_token})"),
        ("Mailbox", f"{settings.origin}/postvak" + ("" if smtp_port is None else f" (SMTP on port {smtp_port})")),
        ("Faults", f"{settings.origin}/faults"),
    ]
    known = [(one.client_id, one.secret or "(a key)", " ".join(one.redirect_uris)) for one in clients]
    some = cast_rows(world, world.cast[:SHOWN])
    return "\n\n".join(
        (
            f"{INDENT}FOR DEVELOPMENT ONLY: whoever reaches it can sign in as anyone.",
            columns(places, indent=INDENT),
            columns([("CLIENT ID", "SECRET", "REDIRECT ADDRESSES"), *known], indent=INDENT),
            columns([("PERSON", "NAME", "ACTS FOR", "EXPECTED"), *some], indent=INDENT)
            + f"\n{INDENT}… {len(world.cast)} in all (inkom-mock people). Without pages: mock_person=KEY on the "
            "authorization request.",
            f"{INDENT}Ctrl-C stops it.",
        )
    )
