"""The harmless first exchange of each service: one file a protocol."""
