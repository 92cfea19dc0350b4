"""The cloud's own configuration: its nouns, and what it says about a packet. Pure: nothing here asks anybody."""
