"""The faults of the ID token, with what a careful relying party makes of each.

What they do is in `id_token_faults` and `role_faults`. Those about roles are meant for the key `employee`.
"""

from __future__ import annotations

from mock_idp.faults import Fault, Stage


def catalogue() -> tuple[Fault, ...]:
    return (*_protocol(), *_roles(), *_refresh())


def _reject(name: str, description: str, *statements: str) -> Fault:
    return Fault(name=name, stage=Stage.ID_TOKEN, description=description, expected="reject", statements=statements)


def _accept(name: str, description: str, *statements: str) -> Fault:
    return Fault(name=name, stage=Stage.ID_TOKEN, description=description, expected="accept", statements=statements)


def _either(name: str, description: str, *statements: str) -> Fault:
    return Fault(name=name, stage=Stage.ID_TOKEN, description=description, expected="either", statements=statements)


def _protocol() -> tuple[Fault, ...]:
    return (
        _reject("id-token-iss-wrong", "`iss` is another provider.", "A02", "A44"),
        _reject("id-token-iss-missing", "No `iss`.", "A44"),
        _reject("id-token-aud-wrong", "`aud` is another client; `azp` is the right one.", "A04", "V01"),
        _reject("id-token-aud-missing", "No `aud`.", "A05", "A44"),
        _accept("id-token-aud-array", "`aud` is an array of one, the right one.", "A46"),
        _reject("id-token-aud-extra", "`aud` names a stranger beside the right client.", "V02", "A45"),
        _reject("id-token-azp-wrong", "`azp` is another client.", "V01"),
        _accept("id-token-azp-missing", "No `azp`, which with one audience is optional."),
        _reject("id-token-sub-missing", "No `sub`.", "A03"),
        _reject("id-token-sub-empty", "`sub` is empty.", "V03"),
        _reject("id-token-sub-long", "`sub` has 300 characters; 255 are allowed.", "V03"),
        _reject("id-token-sub-number", "`sub` is a number.", "V03"),
        _reject("id-token-iat-missing", "No `iat`.", "A06"),
        _reject("id-token-iat-old", "`iat` is a week ago, `exp` still ahead.", "V05", "A70"),
        _reject("id-token-iat-future", "`iat` is five minutes ahead.", "D82"),
        _reject("id-token-exp-missing", "No `exp`.", "A48"),
        _reject("id-token-exp-past", "`exp` was 100 seconds ago.", "V04"),
        _reject("id-token-exp-long-past", "`exp` was ten minutes ago.", "A48"),
        _reject("id-token-nbf-future", "`nbf` is five minutes ahead.", "D82"),
        _reject("id-token-nonce-missing", "No `nonce`.", "A49"),
        _reject("id-token-nonce-wrong", "`nonce` is another one.", "A14", "A49"),
        _reject("id-token-at-hash-wrong", "`at_hash` does not fit the access token.", "A29"),
        _either("id-token-at-hash-missing", "No `at_hash`, which the code flow allows."),
        _reject("id-token-acr-weaker", "`acr` is weaker than any of the five methods.", "V07", "B13"),
        _reject("id-token-acr-unknown", "`acr` is a value that nobody knows.", "V07"),
        _reject("id-token-acr-missing", "No `acr`, as when ACM was not sent acr_values.", "V07"),
        _accept("id-token-amr-missing", "No `amr`: it is not in ACM's claim table."),
        _reject("id-token-auth-time-old", "`auth_time` is yesterday; wrong where max_age was sent.", "V07"),
        _reject("id-token-auth-time-missing", "No `auth_time`; wrong where max_age was sent.", "V07"),
        _accept("id-token-kid-absent-one-key", "No `kid`, and one published key that fits.", "A07"),
        _reject("id-token-kid-absent-several-keys", "No `kid`, and several published keys that fit.", "A08"),
        _reject("id-token-kid-unknown", "`kid` is not among the published keys.", "V12"),
        _reject("id-token-alg-none", "Not signed: `alg` is none.", "A10", "V06", "A47"),
        _reject("id-token-alg-hs256", "Signed with HS256 and the public key as the secret.", "A11", "V06"),
        _reject("id-token-signature-rs256", "An RS256 signature with one wrong bit.", "A11"),
        _reject("id-token-signature-es256", "An ES256 signature with one wrong bit.", "A11"),
        _reject("id-token-signature-missing", "`alg` is RS256, the signature is empty.", "A11"),
        _reject("id-token-foreign-key", "Signed with a key that was never published, under a published kid.", "V13"),
        _reject("id-token-key-in-header", "Signed with a key that comes along in the header `jwk`.", "V32"),
        _reject("id-token-crit-unknown", "The header demands an extension that nobody knows (`crit`).", "V32"),
        _accept("id-token-claim-sources", "Claims are said to be elsewhere; nobody may fetch them.", "A30"),
        _accept("id-token-key-rotated", "The key was rotated just before signing.", "A22"),
        _either("id-token-key-replaced", "Another key under the same kid, just before signing.", "V13"),
    )


def _roles() -> tuple[Fault, ...]:
    return (
        _accept("role-suffix-3D", "The role claim is spelled `_rol_3D`."),
        _accept("role-lower-case", "Right and profile are in lower case."),
        _accept("role-several-organisations", "One value names two organisations, the bakery second."),
        _accept("role-no-space", "The same without a space after the comma."),
        _accept("role-older-name", "The right has its older name; the shipped policy accepts it."),
        _reject("role-without-profile", "The two-dimensional form: no profile."),
        _reject("role-without-organisation", "No organisation in the value."),
        _reject("role-other-organisation", "The right is for another organisation than the bakery."),
        _reject("role-longer-name", "The right's name only begins like the right one."),
        _reject("role-bad-number", "The organisation's check digits are wrong."),
        _either("role-text", "One text in place of a list."),
        _reject("role-rubbish", "Values that follow no grammar."),
        _accept("organisation-blank", "`vo_orgcode` is there but blank: as if it were not."),
        _accept("organisation-missing", "No organisation in the token though one was chosen."),
        _either("organisation-dotted", "`vo_orgcode` with dots."),
        _reject("organisation-bad-number", "`vo_orgcode` with wrong check digits."),
        _reject("organisation-ovo-code", "`vo_orgcode` is an OVO code, no enterprise number."),
        _reject("representative-elsewhere", "`wv_orgcode` is another organisation than `vo_orgcode`."),
        _reject("target-group-citizen", "Signed in as a citizen (BUR), without organisation."),
        _reject("mandate", "`ssm_mandaatgever` is set: a mandate, which the policy doesn't know."),
        _reject("rrn-missing", "No national number, though the scope was granted."),
        _reject("rrn-bad-check-digits", "A national number with wrong check digits."),
        _either("rrn-formatted", "The national number with dots and dash."),
        _accept("name-markup", "Markup and a direction mark in the name.", "D69"),
        _either("name-missing", "No name."),
    )


def _refresh() -> tuple[Fault, ...]:
    def fault(name: str, description: str, expected: str = "reject") -> Fault:
        return Fault(name=name, stage=Stage.REFRESH, description=description, expected=expected, statements=("A26",))

    return (
        fault("refresh-iss-wrong", "The refreshed ID token comes from another provider."),
        fault("refresh-sub-wrong", "The refreshed ID token is about somebody else."),
        fault("refresh-aud-wrong", "The refreshed ID token is for another client."),
        fault("refresh-signature-rs256", "The refreshed ID token has a bad signature."),
    )
