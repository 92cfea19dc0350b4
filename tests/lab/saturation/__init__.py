"""How many connections a way holds: measured over a real SNAT router whose limits are known, and whom that harms."""
