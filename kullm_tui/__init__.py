"""The terminal app for Korean language models: its version, and nothing to import."""

__version__ = "0.1.0"
