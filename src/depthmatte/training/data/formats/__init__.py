"""Label files of other tools: COCO, Label Studio and CVAT, in and out.

Every format is a module with `read`, which gives photos with drawn masks, and `write`, which
writes predictions for correction.
"""
