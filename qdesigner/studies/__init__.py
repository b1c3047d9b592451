"""Many runs compared: what is measured beside them, and what is reported in the end."""
