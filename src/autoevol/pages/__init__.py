"""Pages for a browser: one file each, that asks nobody for anything."""
