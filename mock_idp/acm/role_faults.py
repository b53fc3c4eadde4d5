"""Odd but possible shapes of ACM's own claims: the role claim, the chosen organisation, the national number.

Some are real spellings that a relying party must understand (accept), some must open nothing (reject).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Claims = Mapping[str, object]
ROLES = "vlaio_inkom_rol_3d"
RIGHT, OLD_RIGHT, PROFILE = "VLAIOInkomGebruikerNieuw", "VLAIOInkomGebruiker", "Gebruiker"
OWN, OTHER = "1999999943", "1999999844"


def changed_claims(name: str, claims: Claims) -> Claims | None:
    """None when the fault isn't one of these."""
    change = _changes().get(name)
    return None if change is None else change(claims)


def _changes() -> dict[str, Callable[[Claims], Claims]]:
    return {
        "role-suffix-3D": _with_large_suffix,
        "role-lower-case": lambda claims: _roles(claims, f"{RIGHT.lower()}-{PROFILE.lower()}:{OWN}"),
        "role-several-organisations": lambda claims: _roles(claims, f"{RIGHT}-{PROFILE}:{OTHER}, {OWN}"),
        "role-no-space": lambda claims: _roles(claims, f"{RIGHT}-{PROFILE}:{OTHER},{OWN}"),
        "role-older-name": lambda claims: _roles(claims, f"{OLD_RIGHT}-{PROFILE}:{OWN}"),
        "role-without-profile": lambda claims: _roles(claims, f"{RIGHT}:{OWN}"),
        "role-without-organisation": lambda claims: _roles(claims, f"{RIGHT}-{PROFILE}"),
        "role-other-organisation": lambda claims: _roles(claims, f"{RIGHT}-{PROFILE}:{OTHER}"),
        "role-longer-name": lambda claims: _roles(claims, f"{RIGHT}s-{PROFILE}:{OWN}"),
        "role-bad-number": lambda claims: _roles(claims, f"{RIGHT}-{PROFILE}:1999999900"),
        "role-text": lambda claims: {**claims, ROLES: f"{RIGHT}-{PROFILE}:{OWN}"},
        "role-rubbish": lambda claims: {**claims, ROLES: ["::::", "", 7, None, {"a": 1}, "-:,"]},
        "organisation-blank": lambda claims: {**claims, "vo_orgcode": " ", "vo_orgnaam": ""},
        "organisation-missing": lambda claims: _without(claims, "vo_orgcode", "vo_orgnaam", "wv_orgcode"),
        "organisation-dotted": lambda claims: {**claims, "vo_orgcode": "1999.999.943"},
        "organisation-bad-number": lambda claims: {**claims, "vo_orgcode": "1999999900", "vo_orgnaam": "Niemand BV"},
        "organisation-ovo-code": lambda claims: {**claims, "vo_orgcode": "OVO002949", "vo_orgnaam": "Een entiteit"},
        "representative-elsewhere": lambda claims: {**claims, "vo_orgcode": OWN, "wv_orgcode": OTHER},
        "target-group-citizen": lambda claims: {
            **_without(claims, "vo_orgcode", "vo_orgnaam", "wv_orgcode", ROLES),
            "vo_doelgroepcode": "BUR",
            "vo_doelgroepnaam": "Burgers",
        },
        "mandate": lambda claims: {**claims, "ssm_mandaatgever": OTHER},
        "rrn-missing": lambda claims: _without(claims, "rrn"),
        "rrn-bad-check-digits": lambda claims: {**claims, "rrn": "82672100199"},
        "rrn-formatted": lambda claims: {**claims, "rrn": _formatted(claims.get("rrn"))},
        "name-markup": lambda claims: {**claims, "given_name": "<b>Éloïse</b>", "family_name": 'O"Neil \u202e<script>'},
        "name-missing": lambda claims: _without(claims, "given_name", "family_name"),
    }


def _roles(claims: Claims, *values: str) -> Claims:
    return {**claims, ROLES: list(values)}


def _with_large_suffix(claims: Claims) -> Claims:
    renamed = {("vlaio_inkom_rol_3D" if name == ROLES else name): value for name, value in claims.items()}
    return {"vlaio_inkom_rol_3D": [f"{RIGHT}-{PROFILE}:{OWN}"], **renamed}


def _without(claims: Claims, *names: str) -> Claims:
    return {name: value for name, value in claims.items() if name not in names}


def _formatted(rrn: object) -> str:
    text = str(rrn)
    return f"{text[:2]}.{text[2:4]}.{text[4:6]}-{text[6:9]}.{text[9:]}"
