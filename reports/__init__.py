"""What it means: the nouns, the causes, the rules, and everything that can be derived without I/O."""

__version__ = "0.1.0"
