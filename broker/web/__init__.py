"""The gateway's own pages, and how each outcome of the gate is answered."""
