"""What it means: the nouns, the causes, the rules, and everything that can be derived without I/O."""
