"""``linkdoctor history`` and ``linkdoctor diff``: the runs that `serve` and `check --state` kept, and what changed."""
