"""The package that is built holds what the checkout holds: a template that stays behind is a page that fails later."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.project.places import PACKAGES, ROOT

NOT_SHIPPED = frozenset({"__pycache__"})


@pytest.mark.serial
def test_every_file_of_the_packages_is_in_the_wheel(tmp_path: Path) -> None:
    source = _copy_of_the_sources(tmp_path / "source")
    wheel_only = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *wheel_only, str(source)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())

    assert {str(path) for path in _files()} <= shipped


def _files() -> set[Path]:
    """Relative to the root; what git ignores is not there in a fresh clone, and does not count."""
    found = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    return {path.relative_to(ROOT) for path in found if not NOT_SHIPPED & set(path.parts)}


def _copy_of_the_sources(target: Path) -> Path:
    # Building beside the sources would leave build/ and *.egg-info in the checkout.
    target.mkdir()
    for path in (*_files(), *(Path(name) for name in ("pyproject.toml", "README.md", "LICENSE"))):
        copied = target / path
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes((ROOT / path).read_bytes())
    return target
