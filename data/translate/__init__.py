"""Rows into Korean: DeepL or an endpoint, asked once for each text, at the pace that it allows, for money that somebody agreed to."""
