"""Everything our pages share: layout, design tokens, form and table macros, languages, response headers.

The gateway, the mock government and the sample backends import it; it imports none of them, knows no route and
keeps no state. How to make a page with it: docs/developers/pages.md. `python -m pagekit` shows every piece.
"""

from pagekit.headers import security_headers
from pagekit.kit import STATIC, Link, PageKit, Site
from pagekit.languages import LANGUAGES, choose_language, message

__all__ = ["LANGUAGES", "STATIC", "Link", "PageKit", "Site", "choose_language", "message", "security_headers"]
