"""Who is measured: one module for each kind of proxy, and the list of all of them."""
