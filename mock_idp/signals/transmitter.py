"""The transmitter: announces what changed to every stream, by push (RFC 8935) or poll (RFC 8936), in order.

An event says that the claims about a person changed (CAEP 1.0, token-claims-change), never what changed. A push that
nobody answers, or with "not now", is tried again for a while; a receiver that refuses has heard enough. Nothing is kept
over the end of the program.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

import httpx2
import structlog

from mock_idp.acm.provider import Provider
from mock_idp.signals.sets import Kind, News, Sent, Twist, token_for
from mock_idp.signals.streams import Method, Status, Stream, Streams, subject_name
from mock_idp.world.facts import subject_of

MEDIA_TYPE = "application/secevent+jwt"
TIMEOUT = 3.0
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before each new try
SENT_KEPT = 200
_ACCEPTED, _REFUSED = 202, 400


class Transmitter:
    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._log = structlog.get_logger("mock_idp.signals")
        self.streams = Streams(provider.clients)
        self.sent: deque[Sent] = deque(maxlen=SENT_KEPT)

    def person_changed(self, key: str) -> None:
        """To be called after a change of a function, a relation, a right or a duty is in force."""
        self.tell(key, Kind.TOKEN_CLAIMS_CHANGE)

    def tell(
        self,
        key: str,
        kind: Kind,
        *,
        subject: Mapping[str, object] | None = None,
        says: Mapping[str, object] | None = None,
        twist: Twist | None = None,
    ) -> None:
        """Announce an event about a person to everybody who listens. Without a running loop (a command) nobody does."""
        unknown = twist is Twist.UNKNOWN_PERSON
        news = News(
            kind=kind,
            person=key,
            subject=subject or self.named("nobody-known" if unknown else subject_of(key)),
            happened=self._provider.clock.seconds(),
            says=says or {},
            twist=twist,
        )
        for stream in self.streams.listening():
            if kind.uri in stream.events_delivered and subject_name(news.subject) not in stream.left_out:
                self._queue(stream, news)

    def tell_of_stream(self, stream: Stream, kind: Kind, **says: str) -> None:
        """Announce something about a stream on that stream itself (section 8.1.4 and 8.1.5)."""
        subject = {"format": "opaque", "id": stream.stream_id}
        happened = self._provider.clock.seconds()
        self._queue(stream, News(kind=kind, person="", subject=subject, happened=happened, says=says))

    def set_status(self, stream: Stream, status: Status, reason: str | None) -> None:
        """Pause, disable or enable a stream."""
        stream.status, stream.reason = status, reason
        if status is Status.DISABLED:
            stream.forget()
        self._go_on(stream)

    def named(self, subject: str) -> dict[str, object]:
        """A person as their sign-in names them (RFC 9493, iss_sub)."""
        return {"format": "iss_sub", "iss": self._provider.issuer, "sub": subject}

    async def delivered(self) -> None:
        """Return when nothing is pushed any more: delivered, refused, or given up. Who polls, comes when they want."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def reset(self) -> None:
        """Forget what waits; streams stay, as clients do."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        for stream in self.streams.listening():
            stream.forget()
        self.sent.clear()

    # ------------------------------------------------------------------------------------------------------------- poll
    def hand_out(self, stream: Stream, most: int) -> tuple[dict[str, str], bool]:
        """The oldest events that nobody acknowledged, by their id, and whether there are more."""
        ready = [one for one in stream.waiting if self._may_go(stream, one)]
        for one in ready[:most]:
            one.tries += 1
            _handed_out(stream, one)
        sets = {one.news.event_id: self._token(stream, one) for one in ready[:most]}
        stream.news.clear()
        return sets, len(ready) > most

    def settle(self, stream: Stream, event_id: str, *, accepted: bool) -> None:
        """Take the receiver's word for an event; it is not handed out again."""
        for one in [one for one in stream.waiting if one.news.event_id == event_id]:
            one.status = _ACCEPTED if accepted else _REFUSED
            stream.waiting.remove(one)

    # ------------------------------------------------------------------------------------------------------------- push
    def _queue(self, stream: Stream, news: News) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        if stream.status is Status.DISABLED and not news.kind.about_stream:
            return
        subject = _plain_subject(news)
        if subject in stream.said:
            return
        if subject is not None:
            stream.said.add(subject)
        for _ in range(2 if news.twist is Twist.TWICE else 1):
            sent = Sent(
                client_id=stream.client_id, stream_id=stream.stream_id, news=news, at=self._provider.clock.now()
            )
            self.sent.append(sent)
            stream.waiting.append(sent)
        self._go_on(stream)

    def _go_on(self, stream: Stream) -> None:
        stream.news.set()
        if stream.method is Method.PUSH and stream.stream_id not in self._tasks and self._next(stream) is not None:
            task = asyncio.get_running_loop().create_task(self._deliver(stream))
            self._tasks[stream.stream_id] = task
            task.add_done_callback(lambda done: self._ended(stream, done))

    def _ended(self, stream: Stream, done: asyncio.Task[None]) -> None:
        """Go on with what was queued while the last delivery was closing its connection."""
        if self._tasks.get(stream.stream_id) is not done:
            return  # the world was reset
        del self._tasks[stream.stream_id]
        if not done.cancelled():
            self._go_on(stream)

    def _next(self, stream: Stream) -> Sent | None:
        return next((one for one in stream.waiting if self._may_go(stream, one)), None)

    def _may_go(self, stream: Stream, sent: Sent) -> bool:
        return stream.status is Status.ENABLED or sent.news.kind.about_stream

    async def _deliver(self, stream: Stream) -> None:
        """One after the other: a later event never overtakes an earlier one."""
        async with httpx2.AsyncClient(trust_env=False, timeout=TIMEOUT) as post:
            while stream.method is Method.PUSH and (sent := self._next(stream)) is not None:
                stream.waiting.remove(sent)
                _handed_out(stream, sent)
                await self._push(post, stream, sent)

    async def _push(self, post: httpx2.AsyncClient, stream: Stream, sent: Sent) -> None:
        token = self._token(stream, sent)
        headers = {"content-type": MEDIA_TYPE, "accept": "application/json"}
        if stream.authorization is not None:
            headers["authorization"] = stream.authorization
        for pause in (*PAUSES, None):
            sent.tries += 1
            try:
                answer = await post.post(stream.endpoint, content=token, headers=headers)
                sent.status = answer.status_code
            except (httpx2.HTTPError, httpx2.InvalidURL):
                sent.status = 0
            if 0 < sent.status < 500 and sent.status != 429:
                break
            if pause is not None:
                await asyncio.sleep(pause)
        if sent.status != 202:
            self._log.warning("event not delivered", stream=stream.stream_id, status=sent.status, tries=sent.tries)

    def _token(self, stream: Stream, sent: Sent) -> str:
        return token_for(sent, audience=stream.audience, provider=self._provider)


def _handed_out(stream: Stream, sent: Sent) -> None:
    stream.said.discard(_plain_subject(sent.news) or "")


def _plain_subject(news: News) -> str | None:
    """Whose facts are to be read anew, where an event says no more than that."""
    if news.kind is Kind.TOKEN_CLAIMS_CHANGE and not news.says and news.twist is None:
        return subject_name(news.subject)
    return None
