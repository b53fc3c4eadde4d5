"""Access tokens of machine clients (RFC 6750), for applications that have an `api`. Off unless configured.

`reader` goes through a token in order; `signed` verifies JWTs (RFC 9068), `introspection` asks the provider (RFC 7662),
`rules` holds what both must say, `dpop` and `replays` the proof of possession (RFC 9449).
"""
