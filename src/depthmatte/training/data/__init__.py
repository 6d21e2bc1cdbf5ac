"""Training data: folders, splits, the assets of composite scenes, teachers, the batch sampler."""
