"""Tables of facts that need no heavy library: backbones, data sources, preprocessing."""
