"""Where and when: the plan's text, the runner and its budget, the places it runs in, the command line."""
