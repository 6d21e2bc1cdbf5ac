"""The lens of the background blur: optics, aperture shapes, the scene in depth, its rendering."""
