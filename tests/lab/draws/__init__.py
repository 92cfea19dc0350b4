"""Networks drawn at random: places, a plan for them and at most one fault, all of it from a seed."""
