"""How fast linkdoctor is, beside real peers in the same minute, as ratios (README.md)."""
