"""What nearly all session records have in common, for compressing them (zlib's preset dictionary, RFC 1950).

Without it a record takes twice the room in Redis. It may change at any time: a record that was written with another one
cannot be read, and its owner signs in again, mostly without noticing.
"""

from __future__ import annotations

# The form of a record as msgspec writes it; what is more common stands nearer to the end.
SESSION = (
    b'"method":"federal-token","method":"app","method":"sms","status":"paused","status":"pending",'
    b'"name":"VLAIO Inkom Gebruiker","profiles":["Dienstverlener kmo-portefeuille"],'
    b'"claimed":{"valid_until":"2026-01-01T00:00:00Z","organisation":{"number":{"digits":"0'
    b'"represents":{"digits":"0"},"roles":[{"right":"VLAIOInkomGebruikerNieuw","context":"Gebruiker","organisations":["'
    b'"browser":{"name":"Firefox","system":"iPhone"},"name":"Safari","system":"Android","name":"Edge","system":"macOS"'
    b'"grant":{"refresh_token":"","expires_at":"2026-01-01T00:00:00.000000Z","renew_at":"2026-01-01T00:00:00.000000Z"},'
    b'{"reference":"","identity":{"issuer":"https://authenticatie.vlaanderen.be/op","subject":"'
    b'","national_number":{"digits":""},"given_name":"","family_name":"","method":"eid","method":"itsme","assurance":3,'
    b'"authenticated_at":"2026-01-01T00:00:00Z","acm_session":"","acm_session":null,"claimed":null},'
    b'"began_at":"2026-01-01T00:00:00.000000Z","form_token":"","acting":{"organisation":{"number":{"digits":"0'
    b'"},"name":" BV"},"facts":{"organisation":{"digits":"0"},"active":true,"registered":true,"method":"itsme",'
    b'"assurance":3,"functions":[],"functions":[{"organisation":{"digits":"0"},"code":"10002","period":{"begins":"20'
    b'-01-01","until":null}}],"rights":[{"organisation":{"digits":"0"},"name":"VLAIO Inkom Gebruiker Nieuw",'
    b'"profiles":["Gebruiker"],"period":{"begins":"2024-01-01","until":"2028-01-01"},"relation":{"organisation":'
    b'{"digits":"0"},"status":"active","period":{"begins":"2024-01-01","until":"2034-01-01"}}}],"rights":[],'
    b'"administrator":false,"has_representative":true},"read_at":"2026-01-01T00:00:00.000000Z","announced":""},'
    b'"browser":{"name":"Chrome","system":"Windows"},"used_at":null,"grant":null,"provider":"acm"}'
)
