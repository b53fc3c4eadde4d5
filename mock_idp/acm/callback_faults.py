"""Faults of the authorization response: what the browser carries back to the relying party."""

from __future__ import annotations

from collections.abc import Callable

from mock_idp.faults import Fault, Stage

Parameters = list[tuple[str, str]]
FORGED_STATE = "forged-state-that-nobody-gave-out"
MARKUP = "<script>alert(1)</script>\u202e\r\nX-Injected: 1"


def change(name: str, parameters: Parameters) -> Parameters:
    return _changes()[name](parameters)


def catalogue() -> tuple[Fault, ...]:
    def fault(name: str, description: str, *statements: str) -> Fault:
        return Fault(name=name, stage=Stage.CALLBACK, description=description, expected="reject", statements=statements)

    return (
        fault("response-iss-wrong", "`iss` of the response is another provider's.", "A50", "V08", "C05"),
        fault("response-iss-slash", "`iss` of the response has a slash too many.", "C06"),
        fault("response-iss-missing", "The response lacks the `iss` that the metadata promises.", "A51", "C07"),
        fault("response-state-wrong", "`state` is one that nobody gave out.", "A52", "C02"),
        fault("response-state-missing", "The response lacks `state`.", "A52"),
        fault("response-state-twice", "`state` stands in the response twice.", "A58"),
        fault("response-code-twice", "`code` stands in the response twice, with two values.", "A58"),
        fault("response-code-missing", "The response has neither a code nor an error."),
        fault("response-code-unknown", "The code is one that the token endpoint doesn't know.", "C04"),
        fault("response-tokens", "The response carries an ID token and an access token beside the code.", "A28"),
        fault("response-error-forged-state", "An error comes with a `state` that nobody gave out.", "V10"),
        fault("response-error-markup", "`error_description` holds markup and a line break.", "V10", "D69"),
        fault("response-error-server", "The provider answers `server_error`.", "A17"),
        fault("response-error-denied", "The provider answers `access_denied`, as after *annuleren*.", "A17"),
        fault("response-error-iss-wrong", "An error comes with another provider's `iss`.", "C08"),
    )


def _changes() -> dict[str, Callable[[Parameters], Parameters]]:
    return {
        "response-iss-wrong": lambda sent: _with(sent, "iss", "https://idp.evil.example/op"),
        "response-iss-slash": lambda sent: _with(sent, "iss", dict(sent)["iss"] + "/"),
        "response-iss-missing": lambda sent: _without(sent, "iss"),
        "response-state-wrong": lambda sent: _with(sent, "state", FORGED_STATE),
        "response-state-missing": lambda sent: _without(sent, "state"),
        "response-state-twice": lambda sent: [*sent, ("state", dict(sent).get("state", ""))],
        "response-code-twice": lambda sent: [*sent, ("code", "another-code")],
        "response-code-missing": lambda sent: _without(sent, "code"),
        "response-code-unknown": lambda sent: _with(sent, "code", "never-given-out"),
        "response-tokens": lambda sent: [*sent, ("id_token", "e30.e30.e30"), ("access_token", "stray")],
        "response-error-forged-state": lambda sent: _with(_error(sent, "access_denied", ""), "state", FORGED_STATE),
        "response-error-markup": lambda sent: _error(sent, "access_denied", MARKUP),
        "response-error-server": lambda sent: _error(sent, "server_error", "The provider has a bad day."),
        "response-error-denied": lambda sent: _error(sent, "access_denied", "The person cancelled the sign-in."),
        "response-error-iss-wrong": lambda sent: _with(
            _error(sent, "access_denied", ""), "iss", "https://idp.evil.example/op"
        ),
    }


def _without(sent: Parameters, name: str) -> Parameters:
    return [pair for pair in sent if pair[0] != name]


def _with(sent: Parameters, name: str, value: str) -> Parameters:
    return [*_without(sent, name), (name, value)]


def _error(sent: Parameters, error: str, description: str) -> Parameters:
    kept = _without(_without(_without(sent, "code"), "error"), "error_description")
    return [("error", error), ("error_description", description), *kept]
