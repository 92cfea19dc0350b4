#!/bin/sh -e
# From the plan to the answer with odpscmd, as its configuration says: makes the bundle, runs all of its statements
# (create, check, drop), and reads the rows that come back.
#     ./check.sh [PLAN]
cd "$(dirname "$0")"
bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT
linkdoctor bundle udf "${1:-plan.yaml}" --output "$bundle" >/dev/null
(cd "$bundle" && odpscmd -f linkdoctor_*.sql) >"$bundle/result.txt"
linkdoctor ingest "$bundle/result.txt"
