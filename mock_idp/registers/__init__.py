"""The two registers that a gateway asks: IDM (user management) and KBO (enterprises). Read only, JSON over HTTP."""
