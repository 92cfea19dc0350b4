"""The same targets from several vantage points of the lab: what one alone cannot say."""
