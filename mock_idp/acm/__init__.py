"""The government's OpenID Provider (ACM, *Toegangsbeheer*): its endpoints, tokens and misbehaviour on request.

Own code on joserfc on purpose: a provider for tests must be able to answer wrongly, which a finished library refuses to do.
"""
