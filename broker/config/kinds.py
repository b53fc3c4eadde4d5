"""Kinds of single values that settings of several topics have."""

from __future__ import annotations

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]  # at most a year
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
