"""What of a text is no language and stays as it is: code, addresses, formulas, tables, tags."""
