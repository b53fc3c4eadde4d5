"""`python -m mock_apps`: the three sample backends of the demo, in one process."""

import argparse
import asyncio

from mock_apps.serving import serve


def _three_ports(text: str) -> tuple[int, int, int]:
    first, second, third = (int(port) for port in text.split(","))
    return first, second, third


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m mock_apps", description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--ports", type=_three_ports, default=(9101, 9102, 9103), metavar="N,N,N")
    arguments.add_argument(
        "--gateway", default="http://localhost:8000", help="the gateway's public address: the issuer of its assertions"
    )
    arguments.add_argument("--keys", metavar="URL", help="where its keys are (default: GATEWAY/_inkom/jwks.json)")
    chosen = arguments.parse_args()
    gateway = chosen.gateway.rstrip("/")
    asyncio.run(
        serve(
            host=chosen.host,
            ports=chosen.ports,
            gateway=gateway,
            keys_address=chosen.keys or f"{gateway}/_inkom/jwks.json",
            announce=lambda line: print(line, flush=True),
        )
    )


if __name__ == "__main__":
    main()
