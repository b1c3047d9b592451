"""A Design built as a torch module, its backbones, and the cache of frozen features."""
