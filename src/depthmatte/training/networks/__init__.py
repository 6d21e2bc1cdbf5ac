"""The networks in PyTorch: encoders, portrait, monocular depth, stereo depth and fusion."""
