"""What a method is, without torch: declaration, options, settings."""
