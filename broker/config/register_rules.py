"""Which keys of `registers` go together: two registers with one way to each, or none and ACM's claims."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from broker.config.topics import Claims, Magda, Registers, Settings
from broker.documents import Document


def check_registers(document: Document, settings: Settings) -> None:
    """Note every combination that cannot work."""
    if settings.registers.source == "claims":
        _check_no_register(document, settings.registers)
        _check_claims(document, settings.registers.claims)
        for name, provider in settings.all_providers.items():
            if "vo" not in provider.scopes:
                where = f"{settings.place_of(name)}.scopes"
                document.wrong_at(where, "add vo: without it ACM names no organisation, and nobody gets in")
        return
    registers = settings.registers
    serves_programs = any(application.api is not None for application in settings.applications.values())
    if document.keys(("registers", "claims")) and not serves_programs:
        document.wrong_at(
            "registers.claims", "is read with `source: claims`, or where an application has an `api`; remove it"
        )
    _check_claims(document, registers.claims)
    if registers.idm is None:
        document.wrong_at("registers.idm", "write the address of IDM, or `source: claims` to ask no register at all")
    if registers.kbo is None and registers.magda is None:
        document.wrong_at("registers.kbo", "write the address of KBO, or reach it by way of MAGDA (`magda:`)")
    if registers.kbo is not None and registers.magda is not None:
        document.wrong_at("registers.magda", "KBO is reached by `kbo` or by `magda`, not by both; remove one")
    if registers.magda is not None:
        _check_magda(document, registers.magda)


def _check_no_register(document: Document, registers: Registers) -> None:
    for key in ("idm", "kbo", "magda", "token", "token_file"):
        if getattr(registers, key) is not None:
            document.wrong_at(f"registers.{key}", "with `source: claims` no register is asked; remove this")


def _check_claims(document: Document, claims: Claims) -> None:
    for code in claims.rights:
        if not code.strip() or "-" in code or ":" in code:
            document.wrong_at(
                f"registers.claims.rights.{code}",
                "a right's code stands before the first hyphen of a role; it has none",
            )
    for table, codes in (("rights", claims.rights), ("profiles", claims.profiles)):
        for code in _repeated(codes):
            document.wrong_at(f"registers.claims.{table}.{code}", "stands there twice: capitals make no difference")


def _repeated(codes: Mapping[str, str]) -> list[str]:
    seen: set[str] = set()
    repeated = []
    for code in codes:
        if code.casefold() in seen:
            repeated.append(code)
        seen.add(code.casefold())
    return repeated


def _check_magda(document: Document, magda: Magda) -> None:
    shown = (magda.certificate_file, magda.key_file)
    secure = [urlsplit(address).scheme == "https" for address in (magda.functions, magda.enterprise)]
    if any(secure) and None in shown:
        document.wrong_at("registers.magda", "MAGDA wants a client certificate: certificate_file and key_file")
    elif shown.count(None) == 1:
        document.wrong_at("registers.magda", "certificate_file and key_file go together")
