"""The government's OpenID Provider (ACM, *Toegangsbeheer*): its endpoints, tokens and misbehaviour on request.

Own code on joserfc on purpose: a provider for tests must be able to answer wrongly, and finished libraries refuse to.
"""
