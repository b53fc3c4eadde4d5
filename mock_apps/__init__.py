"""Three sample backends behind the gateway. Backend teams may copy from here.

They share nothing with the gateway but the wire: docs/backend-teams/receiving-identity.md says what arrives.
"""
