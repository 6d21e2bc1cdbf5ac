"""What the contract of an exported network says of its data, its teacher and its outputs."""

from __future__ import annotations

DATA_SOURCES = {
    "matte": (
        "PicsArt portraits, Clothing Co-Parsing street photos, small shares of three rougher "
        "sets, people-free backgrounds; binary masks",
        "encoder start: EfficientNet-Lite0 on ImageNet (Apache-2.0)",
    ),
    "depth": (
        "composite scenes of cut-out people on backgrounds, geometry drawn by this project",
        "order across outlines of masked training photos",
        "encoder start: EfficientNet-Lite0 on ImageNet (Apache-2.0)",
    ),
    "stereo": (
        "generated pairs: pictures and cut-out people on sheets at known disparities",
        "encoder start: EfficientNet-Lite0 on ImageNet (Apache-2.0)",
    ),
    "fuse": (
        "maps of composite scenes and training photos: matte, depth of sensors, stereo and "
        "the depth network, with the subject's true alpha",
    ),
    "detail": (
        "composites with exact alpha: people of Flickr portraits and street photos, soft "
        "cut-outs, strands of hair drawn by this project, people-free backgrounds",
        "Flickr portraits and street photos with hand-made masks",
        "coarse alpha of the portrait network",
    ),
    "parts": (
        "photos with masks: Flickr and PicsArt portraits, Clothing Co-Parsing street photos, "
        "smaller shares of rougher sets and of soft cut-outs",
        "encoder start: EfficientNet-Lite0 on ImageNet (Apache-2.0)",
    ),
    "people": (
        "scenes composed of cut-out people of Flickr and PicsArt portraits, Clothing Co-Parsing "
        "street photos and smaller cut-outs on people-free backgrounds, and these photos",
        "heads found by the parts network of this project",
        "encoder start: the portrait network of this project",
    ),
}
"""Task -> what its network learns from."""

TEACHER_SOURCES = {
    "matte": "outlines softened by MODNet (Apache-2.0) where it agrees with the mask",
    "detail": "outlines softened by MODNet (Apache-2.0) where it agrees with the mask",
    "depth": "weak labels of Tiefenrausch (MIT) on backgrounds and training photos",
    "parts": "all labels by MediaPipe's multi-class selfie segmentation (Apache-2.0)",
}
"""What a teacher adds to a run with `train labels`."""

OUTPUT_MEANINGS = {
    "matte": {
        "alpha": "S_in, opacity of the portrait in [0, 1]",
        "prob": "I1, probability of being portrait in [0, 1]",
    },
    "depth": {
        "depth": "d, log distance from the scene's nearest (0) to its farthest part (1)",
        "prob": "I2, probability that the true d lies within 0.1 of the estimate",
    },
    "stereo": {
        "disparity": "disparity of the left view in input pixels",
        "prob": "I2, probability that the true disparity lies within 2 pixels of the estimate",
    },
    "fuse": {"verdict": "probability of belonging to the subject in [0, 1]"},
    "detail": {"alpha": "opacity of the portrait in [0, 1], at the size of the photo"},
    "parts": {
        "hair": "share of hair in the person, also beards; all shares add up to 1",
        "face_skin": "share of the face, eyes and lips included",
        "body_skin": "share of other skin",
        "clothes": "share of clothes",
        "things": "share of things worn or held",
    },
    "people": {
        "person": "probability that the pixel shows anybody in [0, 1]",
        "head": "how likely the middle of a head is there in [0, 1]",
        "vote_x": "columns from the pixel to the middle of its person's head",
        "vote_y": "rows from the pixel to the middle of its person's head",
    },
}
"""Task -> what each output means."""
