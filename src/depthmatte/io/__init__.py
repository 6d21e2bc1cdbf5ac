"""Reading and writing files: photos, depth maps, calibrations, journals."""
