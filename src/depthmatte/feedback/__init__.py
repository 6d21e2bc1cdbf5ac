"""Corrected masks that users give: a private store of photos with masks, one file per sample."""
