"""What is known of the platform: regions, endpoints, settings, statements. Pure; nothing else names the platform."""
