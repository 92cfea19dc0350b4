"""The rules: one file a layer, one entry a cause."""
