"""The pages of docs/causes/: what each cause looks like, how it is told apart, how it is mended and reproduced."""
