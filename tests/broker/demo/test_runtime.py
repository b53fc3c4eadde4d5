"""The runtime directory: private, made once, and in the forms that the other parts read."""

import json
from pathlib import Path

from broker.demo.runtime import prepare, read_secret
from tests.broker.demo.choices import options_in


def test_nobody_else_can_read_keys_and_logs(tmp_path: Path) -> None:
    runtime = prepare(options_in(tmp_path))
    everything = (runtime.directory, *runtime.directory.rglob("*"))

    assert {oct(path.stat().st_mode & 0o777) for path in everything if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in everything if path.is_file()} == {"0o600"}


def test_a_directory_that_others_could_read_is_closed(tmp_path: Path) -> None:
    options = options_in(tmp_path)
    options.directory.mkdir(mode=0o755)

    prepare(options)

    assert options.directory.stat().st_mode & 0o777 == 0o700


def test_a_second_run_keeps_the_keys(tmp_path: Path) -> None:
    first = prepare(options_in(tmp_path))
    before = {path.name: path.read_bytes() for path in first.keys.iterdir()}

    second = prepare(options_in(tmp_path, "--gateway-port", "8123"))

    assert {path.name: path.read_bytes() for path in second.keys.iterdir()} == before


def test_the_mock_learns_where_this_gateway_stands(tmp_path: Path) -> None:
    runtime = prepare(options_in(tmp_path, "--gateway-port", "8123"))
    (client,) = json.loads(runtime.mock_clients.read_text())["clients"]

    assert client["redirect_uris"] == ["http://localhost:8123/_inkom/callback"]
    assert client["post_logout_redirect_uris"] == [
        "http://localhost:8123/_inkom/logged-out",
        "http://localhost:8123/_inkom/login",
    ]
    assert client["backchannel_logout_uri"] == "http://localhost:8123/_inkom/backchannel-logout"


def test_the_mock_receives_only_the_public_half_of_the_client_key(tmp_path: Path) -> None:
    runtime = prepare(options_in(tmp_path))
    (key,) = json.loads(runtime.client_jwks.read_text())["keys"]

    assert key["kty"] == "RSA"
    assert key["kid"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & key.keys()


def test_redis_lets_in_one_user_with_a_password_of_this_installation(tmp_path: Path) -> None:
    runtime = prepare(options_in(tmp_path))
    users = runtime.redis_users.read_text()

    assert "user default off" in users
    assert f">{read_secret(runtime.redis_password)} " in users
    assert "bind 127.0.0.1" in runtime.redis_configuration.read_text()
