"""What an export carries beside its source: weights, golden images and golden logits."""
