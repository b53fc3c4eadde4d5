"""A page that asks for more certainty than the rest of the backend: signing an application (RFC 9470).

The gateway let the person in. For this page the backend wants itsme or eID, at most five minutes ago; else it answers
401 with a challenge, and the gateway sends the person to sign in again. docs/backend-teams/step-up.md explains it.
"""

from mock_apps.assertion import Identity

LEVEL = "high"
MAX_AGE = 300
CHALLENGE = (
    'Bearer error="insufficient_user_authentication", '
    'error_description="Signing needs a recent sign-in of high level", '
    f'acr_values="{LEVEL}", max_age="{MAX_AGE}"'
)


def is_certain_enough(caller: Identity) -> bool:
    """Whether the person may sign: a high level, not long ago. Who signed in at an unknown time may not."""
    if caller.assurance != LEVEL or caller.authenticated_at is None:
        return False
    # The assertion was made for this very request, so its age is no matter.
    return caller.issued_at - caller.authenticated_at <= MAX_AGE
