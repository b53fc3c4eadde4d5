"""Our stream at the transmitter (OpenID Shared Signals Framework 1.0, section 8.1): read, make, change, verify, remove.

Its addresses come from the transmitter's configuration metadata. Every call shows an access token, which must allow
`ssf.manage`, or `ssf.read` for reading only (CAEP Interoperability Profile, section 2.7).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from broker.adapters.http import Answer, BackChannel, NoAnswer
from broker.adapters.oidc.kept import Kept
from broker.adapters.signals.caep import ACTED_ON
from broker.adapters.wire import NotUnderstood, read_json
from broker.ports import InkomError, ProviderUnavailable

T = TypeVar("T")
PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
_WELL_KNOWN = "/.well-known/ssf-configuration"


class StreamTrouble(InkomError):
    """The transmitter answered, but not as we need. The message is for operators, and holds no token."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a transmitter says of itself (section 7.1); all but its name is optional."""

    issuer: str
    jwks_uri: str | None = None
    delivery_methods_supported: tuple[str, ...] = ()
    configuration_endpoint: str | None = None
    status_endpoint: str | None = None
    verification_endpoint: str | None = None
    critical_subject_members: tuple[str, ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How events come. The address is ours with push, the transmitter's with poll."""

    method: str
    endpoint_url: str | None = None


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as the transmitter describes it (section 8.1.1)."""

    stream_id: str
    iss: str
    aud: str | list[str]
    delivery: Delivery
    events_supported: list[str] = []
    events_requested: list[str] = []
    events_delivered: list[str] = []

    def is_for(self, audience: str) -> bool:
        """Whether its events are addressed to us."""
        return audience in ([self.aud] if isinstance(self.aud, str) else self.aud)


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a stream runs (section 8.1.2)."""

    stream_id: str
    status: str
    reason: str | None = None


def metadata_address(issuer: str) -> str:
    """Return where a transmitter's metadata are: the well-known part stands between host and path (section 7.2)."""
    parts = urlsplit(issuer)
    return urlunsplit(parts._replace(path=_WELL_KNOWN + parts.path.rstrip("/"), query="", fragment=""))


async def read_metadata(channel: BackChannel, issuer: str) -> Metadata | None:
    """Return what the transmitter says of itself; None when it publishes nothing. Raises ProviderUnavailable."""
    try:
        answer = await channel.get(metadata_address(issuer))
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ProviderUnavailable(f"the transmitter's metadata: status {answer.status}")
        metadata = read_json(answer.body, Metadata)
    except (NoAnswer, NotUnderstood) as error:
        raise ProviderUnavailable(f"the transmitter's metadata: {error}") from None
    if metadata.issuer != issuer:
        raise ProviderUnavailable("the transmitter's metadata name another issuer")
    return metadata


def critical_members(channel: BackChannel, issuer: str) -> Callable[[], Awaitable[frozenset[str]]]:
    """Return a question that fetches the transmitter's critical subject members when first asked, and keeps them."""

    async def fetch() -> frozenset[str]:
        metadata = await read_metadata(channel, issuer)
        return frozenset() if metadata is None else frozenset(metadata.critical_subject_members)

    return Kept(fetch, lifetime=3600, stale_lifetime=86400, refetch_interval=60).get


class StreamManagement:
    """The transmitter's management interface. Every method raises StreamTrouble and ProviderUnavailable."""

    def __init__(self, channel: BackChannel, *, issuer: str, audience: str, token: str) -> None:
        """`issuer` and `audience` are those that every event must have: a stream of others would be of no use."""
        self._channel = channel
        self._issuer = issuer
        self._audience = audience
        self._token = token
        self._metadata: Metadata | None = None

    async def streams(self) -> list[Stream]:
        """Return our streams: a stream for another audience is that of another gateway with the same token."""
        answer = await self._call("GET", await self._endpoint("configuration_endpoint"))
        if answer.status == 404:
            return []
        # A list, or from a transmitter of one stream only that one (section 8.1.1.2).
        several = answer.body.lstrip().startswith(b"[")
        found = _read(answer, 200, list[Stream]) if several else [_read(answer, 200, Stream)]
        return [stream for stream in found if stream.is_for(self._audience)]

    async def create(self, delivery: dict[str, str]) -> Stream:
        """Make a stream for all events that we act on."""
        body = {"delivery": delivery, "events_requested": sorted(ACTED_ON), "description": "INKOM gateway"}
        answer = await self._call("POST", await self._endpoint("configuration_endpoint"), body)
        return self._checked(_read(answer, 201, Stream))

    async def change(self, stream_id: str, delivery: dict[str, str]) -> Stream:
        """Give an existing stream our events and our way of delivery."""
        body = {"stream_id": stream_id, "delivery": delivery, "events_requested": sorted(ACTED_ON)}
        answer = await self._call("PATCH", await self._endpoint("configuration_endpoint"), body)
        return self._checked(_read(answer, 200, Stream))

    async def delete(self, stream_id: str) -> None:
        """Remove a stream; one that is gone already is gone."""
        address = await self._endpoint("configuration_endpoint")
        answer = await self._call("DELETE", _with_stream(address, stream_id))
        if answer.status not in (204, 404):
            raise _trouble(answer)

    async def status(self, stream_id: str) -> Status:
        """Return whether the stream runs."""
        address = await self._endpoint("status_endpoint")
        return _read(await self._call("GET", _with_stream(address, stream_id)), 200, Status)

    async def verify(self, stream_id: str, *, state: str) -> None:
        """Ask for a verification event with a state of ours."""
        body = {"stream_id": stream_id, "state": state}
        answer = await self._call("POST", await self._endpoint("verification_endpoint"), body)
        if answer.status == 429:
            raise StreamTrouble("the transmitter verifies less often than this: wait a minute")
        if answer.status != 204:
            raise _trouble(answer)

    def _checked(self, stream: Stream) -> Stream:
        if stream.iss != self._issuer:
            raise StreamTrouble(f"the stream's events would come from {stream.iss}, which is not signals.issuer")
        if not stream.is_for(self._audience):
            raise StreamTrouble(f"the stream's events would be for {stream.aud}, which is not signals.audience")
        return stream

    async def _endpoint(
        self, name: Literal["configuration_endpoint", "status_endpoint", "verification_endpoint"]
    ) -> str:
        if self._metadata is None:
            self._metadata = await read_metadata(self._channel, self._issuer)
        if self._metadata is None:
            raise StreamTrouble("the transmitter publishes no ssf-configuration: its own operators manage our stream")
        address: str | None = getattr(self._metadata, name)
        if address is None:
            raise StreamTrouble(f"the transmitter offers no {name}")
        if urlsplit(address)[:2] != urlsplit(self._issuer)[:2]:
            # Our token is shown to nobody but the transmitter that was configured.
            raise StreamTrouble(f"the transmitter's {name} is on another host than its issuer")
        return address

    async def _call(self, method: str, address: str, body: dict[str, Any] | None = None) -> Answer:
        content = b"" if body is None else msgspec.json.encode(body)
        headers = {"authorization": f"Bearer {self._token}", "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        try:
            return await self._channel.request(method, address, content, headers=headers)
        except NoAnswer as error:
            raise ProviderUnavailable(f"the transmitter: {error}") from None


def _with_stream(address: str, stream_id: str) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode({'stream_id': stream_id})}"


def _read(answer: Answer, expected: int, kind: type[T]) -> T:
    if answer.status != expected:
        raise _trouble(answer)
    try:
        return read_json(answer.body, kind)
    except NotUnderstood as error:
        raise StreamTrouble(f"the transmitter's answer is {error}") from None


def _trouble(answer: Answer) -> StreamTrouble:
    if answer.status in (401, 403):
        return StreamTrouble(f"the transmitter refuses our token ({answer.status}): mend signals.access_token")
    return StreamTrouble(f"the transmitter answers with status {answer.status}")
