"""A world of its own for each test."""

from pathlib import Path

import pytest

from tests.mock_idp.mail.scene import Scene, scene_in


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return scene_in(tmp_path)
