"""The variational circuit as a value: gates, blocks, their expansion, and how it is drawn."""
