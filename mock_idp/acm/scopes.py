"""The scopes that the provider knows. Which of them a client may ask for is the client's own entry."""

from __future__ import annotations

SCOPES = ("openid", "profile", "rrn", "vo", "wettelijkvertegenwoordiger", "vlaio_inkom", "offline_access")
