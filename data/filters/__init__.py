"""Which translated rows are kept: as the paper chose them, and more strictly."""
