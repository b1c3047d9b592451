"""The document: frozen values, edits that make new ones, checks that name what is wrong."""
