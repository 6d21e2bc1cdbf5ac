"""depthmatte for ComfyUI: cut people out of images, estimate depth, and blur the background.

ComfyUI imports this folder from `custom_nodes/` and reads the two mappings.
"""

from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
