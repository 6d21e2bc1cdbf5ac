"""Augmentation: random changes of photos, cut-outs and maps before a network sees them."""
