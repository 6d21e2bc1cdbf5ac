"""Routes that programs written for other services call: remove.bg, rembg and inference servers."""
