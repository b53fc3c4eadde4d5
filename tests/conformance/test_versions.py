"""What docs/conformance.md says was tried is what is installed, and the lock file names no registry."""

import json

import pytest

from tests.conformance.node import LOCK
from tests.project.places import read


def locked() -> dict[str, dict[str, object]]:
    packages: dict[str, dict[str, object]] = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    return packages


@pytest.mark.parametrize("package", ["oidc-provider-8", "oidc-provider-9", "openid-client"])
def test_the_page_names_the_versions_that_are_tried(package: str) -> None:
    assert str(locked()[f"node_modules/{package}"]["version"]) in read("docs/conformance.md")


def test_each_package_has_a_hash_and_none_an_address() -> None:
    installed = [package for path, package in locked().items() if path]

    assert len(installed) > 50
    assert all(str(package["integrity"]).startswith("sha512-") for package in installed)
    assert not any("resolved" in package for package in installed)
