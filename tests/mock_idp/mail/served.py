"""A mock with its lifespan on real ports: it serves, catches mail and follows its schedule."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from socket import create_server

import uvicorn

from mock_idp.app import create_app
from mock_idp.mail.settings import MailSettings
from mock_idp.settings import Settings
from tests.mock_idp.provider import Mock, MovableClock, new_browser

PATIENCE_SECONDS = 10


@contextmanager
def running_mock(mail: MailSettings, *, catches: bool = True) -> Iterator[tuple[Mock, int]]:
    """A mock with its lifespan, and the port on which it catches."""
    clock = MovableClock()
    with create_server(("127.0.0.1", 0)) as listener, create_server(("127.0.0.1", 0)) as catcher:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(Settings(origin=origin, mail=mail), clock=clock, catcher=catcher if catches else None)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with new_browser() as browser:
                until(lambda: server.started, "started")
                yield Mock(origin=origin, clock=clock, direct=browser), catcher.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def mail(subject: str = "Hallo", *, to: str = "jan@voorbeeld.test", html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "app@voorbeeld.test", to, subject
    message.set_content("Zie https://voorbeeld.test/pad.\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"still not {what}"
        threading.Event().wait(0.05)
