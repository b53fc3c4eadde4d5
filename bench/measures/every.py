"""All measures, in the order in which they run and stand in the table."""

from __future__ import annotations

from bench.measures import latency, memory, scale, sessions, signing_in, throughput, websockets
from bench.measures.measure import Measure

MEASURES: tuple[Measure, ...] = (
    *throughput.MEASURES,
    *latency.MEASURES,
    *sessions.MEASURES,
    *scale.MEASURES,
    *websockets.MEASURES,
    *memory.MEASURES,
    *signing_in.MEASURES,
)
