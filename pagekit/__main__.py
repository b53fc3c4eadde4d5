"""`python -m pagekit`: serves the gallery of every piece, for looking and for the browser tests."""

import argparse

import uvicorn

from pagekit.gallery import gallery


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m pagekit", description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=9200)
    chosen = arguments.parse_args()
    uvicorn.run(gallery(), host=chosen.host, port=chosen.port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
