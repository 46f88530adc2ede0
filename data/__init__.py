"""Data sets, as they are made; torch-free."""
