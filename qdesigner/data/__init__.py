"""Where samples come from: files, public sets, tables and generated points; and their splits."""
