"""Requests that no server should answer: bombs, damage, wrong types, tricks; made by parameters."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fixtures import encode, png_header, scene

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "HEIF")
"""Pillow's names of the formats in which photos are damaged."""

_CUTS = (0.02, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.93)
"""Shares of a file that are left."""

_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha">'
    + b"".join(f'<!ENTITY {chr(98 + k)} "{10 * f"&{chr(97 + k)};"}">'.encode() for k in range(9))
    + b"]><opencv_storage>&j;</opencv_storage>"
)


@dataclass(frozen=True)
class Hostile:
    """A request, as httpx takes it."""

    name: str
    path: str
    method: str = "POST"
    given: dict[str, Any] = field(default_factory=dict, repr=False)


def photo_bombs() -> dict[str, bytes]:
    """Pictures that claim far more pixels than their bytes hold."""
    jpeg = bytearray(encode(scene(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    bitmap = bytearray(encode(scene(), "BMP"))
    bitmap[18:26] = struct.pack("<ii", 2**30, 2**30)
    gif = bytearray(encode(scene(), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    heic = encode(scene(64, 64), "HEIF")
    size = heic.index(b"ispe") + 8
    webp = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0\xff\x3f\0" + bytes(8)
    sides = {
        "large": (40_000, 40_000),
        "wide": (2**31 - 1, 1),
        "empty": (0, 0),
        "just": (2000, 1600),
    }
    return {
        **{f"png {name}": png_header(*shape) for name, shape in sides.items()},
        "png of many pixels": encode(np.zeros((2000, 2000, 3), np.uint8), "PNG"),
        "jpeg": bytes(jpeg),
        "bmp": bytes(bitmap),
        "gif": bytes(gif),
        "heic": heic[:size] + b"\x7f\xff\xff\xff" * 2 + heic[size + 8 :],
        "webp": webp,
        "tiff": encode(scene(), "TIFF").replace(
            struct.pack("<HHIHH", 256, 4, 1, 32, 0), struct.pack("<HHII", 256, 4, 1, 2**31)
        ),
        "ppm": b"P6\n999999 999999\n255\n" + bytes(100),
        "pgm": b"P5\n4000000000 4000000000\n65535\n" + bytes(100),
    }


def no_photos() -> dict[str, bytes]:
    """Files that are no photos."""
    noise = np.random.default_rng(7).integers(0, 256, 3000, np.uint8).tobytes()
    starts = {
        "jpeg": b"\xff\xd8\xff\xe0",
        "png": b"\x89PNG\r\n\x1a\n",
        "gif": b"GIF89a",
        "webp": b"RIFF\xff\xff\xff\xffWEBP",
        "heic": b"\0\0\0\x18ftypheic",
        "tiff": b"II*\0",
        "bmp": b"BM",
        "ppm": b"P6 ",
        "exr": b"v/1\x01",
        "npy": b"\x93NUMPY\x01\0",
    }
    return {
        "empty": b"",
        "one byte": b"\xff",
        "zeros": bytes(10_000),
        "noise": noise,
        "svg": _SVG,
        "svg that grows": _LAUGHS,
        "html": b"<!doctype html><script>alert(1)</script>",
        "pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
        "program": b"\x7fELF" + bytes(500),
        "script": b"#!/bin/sh\nrm -rf /\n",
        "zip": b"PK\x03\x04" + bytes(100),
        "gzip": b"\x1f\x8b\x08" + bytes(100),
        "video": b"\0\0\0\x20ftypisom" + bytes(500),
        **{f"noise after {name}": start + noise for name, start in starts.items()},
    }


def truncated_photos() -> dict[str, bytes]:
    """Real files of every format, cut off at many places."""
    picture = scene(96, 64)
    picture[::3] ^= 90  # so that no format stores it in a few bytes
    whole = {form: encode(picture, form) for form in FORMATS}
    return {
        f"{form} {cut:.0%}": content[: max(1, round(cut * len(content)))]
        for form, content in whole.items()
        for cut in _CUTS
    }


def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + data


def _zip(entries: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return held.getvalue()


def depth_files() -> dict[str, bytes]:
    """Depth files that are bombs, damaged, of the wrong type, or programs."""
    head = "{{'descr': '{}', 'fortran_order': False, 'shape': {}}}"
    zeros = _npy(head.format("<f4", (5000, 5000)), bytes(100_000_000))
    inside = {"/etc/passwd": b"x", "../../x.npy": b"x", "C:\\x.npy": b"x", "a\nb": b"x"}
    arrays = {
        "huge": _npy(head.format("<f4", (2**20, 2**20))),
        "of objects": _npy(head.format("|O", (4, 4)), b"cos\nsystem\n(S'id'\ntR."),
        "negative": _npy(head.format("<f4", (-4, 4))),
        "of five dimensions": _npy(head.format("<f4", (1, 1, 1, 1, 1)), bytes(4)),
        "of complex numbers": _npy(head.format("<c8", (2, 2)), bytes(32)),
        "of texts": _npy(head.format("<U9", (2, 2)), bytes(200)),
        "with code": _npy("__import__('os').system('id')"),
        "of deep brackets": _npy("(" * 3000),
        "too short": _npy(head.format("<f4", (64, 64)), bytes(10)),
        "of version 9": b"\x93NUMPY\x09\0" + bytes(100),
        "of a long header": b"\x93NUMPY\x02\0\xff\xff\xff\x7f" + bytes(1000),
    }
    return {
        **{f"npy {name}": content for name, content in arrays.items()},
        "npz bomb": _zip({"depth.npy": zeros}),
        "npz of paths": _zip(inside),
        "npz of objects": _zip({"depth.npy": arrays["of objects"]}),
        "npz of nothing": _zip({}),
        "npz of many": _zip({f"{k}.npy": b"" for k in range(1500)}),
        "pfm bomb": b"Pf\n999999 999999\n-1.0\n",
        "pfm without numbers": b"Pf\n-3 x\n\n",
        "pgm bomb": b"P5\n99999 99999\n65535\n" + bytes(10),
        "exr bomb": b"v/1\x01\x02\0\0\0displayWindow\0box2i\0\x10\0\0\0"
        + b"\0\0\0\0" * 2
        + b"\xff\xff\xff\x7f" * 2,
        "png bomb": encode(np.zeros((2000, 2000), np.uint8), "PNG"),
    }


def calibrations() -> dict[str, bytes]:
    """Calibrations that grow, are damaged, or hold no numbers that a camera can have."""
    aliases = "a: &a [1]\n" + "".join(
        f"{chr(98 + k)}: &{chr(98 + k)} [{','.join(9 * [f'*{chr(97 + k)}'])}]\n" for k in range(9)
    )
    return {
        "empty": b"",
        "text": b"hello",
        "xml that grows": _LAUGHS,
        "yaml that grows": ("%YAML:1.0\n" + aliases).encode(),
        "yaml with code": b"!!python/object/apply:os.system ['id']",
        "json, deep": b"[" * 50_000,
        "json, other": b'{"a": 1}',
        "json, no numbers": b'{"photo": {"fx": "x", "fy": NaN}, "other": {}}',
        "json, huge numbers": b'{"photo": {"fx": 1e999, "fy": 1, "cx": 1, "cy": 1}}',
        "numbers": b"1 2 3\n" * 50,
        "noise": bytes(range(256)) * 20,
    }


_BAD_JSON: dict[str, str] = {
    "bracket": "[",
    "list": "[]",
    "number": "1e999",
    "deep": "[" * 9999,
    "deep objects": '{"a":' * 3000,
    "text": '"x"',
    "null": "null",
    "true": "true",
    "half": '{"fusion": "none"',
    "comma": '{"a": 1,}',
    "single quotes": "{'fusion': 'none'}",
    "long": '{"subject": "' + "x" * 20_000 + '"}',
    "big number": '{"depth_scale": ' + "9" * 5000 + "}",
    "nul": '{"fusion": "no\0ne"}',
}

_BAD_VALUES: list[tuple[str, Any]] = [
    ("nothing", 1),
    ("__class__", "x"),
    ("fusion", "x"),
    ("fusion", 3),
    ("fusion", None),
    ("fusion", ["none"]),
    ("fusion", {"a": 1}),
    ("subject", [1]),
    ("subject", "9999,9999"),
    ("subject", "nobody"),
    ("depth_scale", -1),
    ("depth_scale", 0),
    ("depth_scale", "x"),
    ("depth_scale", float("nan")),
    ("depth_scale", float("inf")),
    ("depth_kind", "up"),
    ("depth_source", "psychic"),
    ("sensor", {"near": {}}),
    ("sensor", {"x": 1}),
    ("sensor", 3),
    ("orient", "sideways"),
    ("color", "pink"),
    ("strip", "all of it"),
    ("second_look", "maybe"),
]

_BAD_QUERIES = [
    "view=../../x",
    "view=nothing",
    "view=" + "a," * 2000,
    "view=alpha&" * 40 + "view=alpha",
    "view=%00",
    "view=alpha%0d%0aX:y",
    "effect=nothing",
    "effect=blur:strength=9",
    "effect=blur:strength=nan",
    "effect=blur:strength=-1",
    "effect=blur:x=1",
    "effect=blur:strength",
    "effect=" + "a" * 5000,
    "effect=blur&" * 9 + "effect=blur",
    "effect=background:picture=/etc/passwd",
    "effect=background:picture=http://127.0.0.1/",
    "effect=background:color=zzz",
    "effect=:::",
    "width=0",
    "width=-1",
    "width=1e9",
    "width=99999999999999999999",
    "width=x",
    "width=1.5",
    "format=exe",
    "format=svg",
    "format=../png",
    "format=%00",
]


def _tensor(**changes: Any) -> dict[str, Any]:
    good = {"name": "image", "shape": [1, 3, 32, 32], "datatype": "FP32", "data": [0.5]}
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def _inference_bodies() -> dict[str, bytes]:
    shapes: list[Any] = [
        ...,
        None,
        3,
        "1,3,32,32",
        [],
        [0, 3, 32, 32],
        [-1, 3, 32, 32],
        [1, 3, 32, 32, 1],
        [1, 3, 33, 32],
        [1, 3, 1e9, 1],
        [1, 3, True, 32],
        ["1", 3, 32, 32],
        [65_536] * 4,
        [2**70, 3, 1, 1],
        [3, 32, 32],
        [1, 4, 32, 32],
        [17, 3, 32, 32],
        [1, 3, 65_536, 32],
        [[1], 3, 32, 32],
    ]
    data: list[Any] = [
        ...,
        None,
        "x",
        {},
        [],
        [1],
        [[1], [1, 2]],
        [None] * 3072,
        ["a"] * 3072,
        [float("nan")] * 3072,
        [float("inf")] * 3072,
        [1e300] * 3072,
        [10**400] + [0] * 3071,
        [{}] * 3072,
    ]
    kinds: list[Any] = [..., None, "BYTES", "FP64", "INT8", "fp32", 32, ["FP32"]]
    sizes: list[Any] = [-1, 0, 1, 12_287, 12_289, 2**63, "12288", [1], {}, True]
    inputs: dict[str, list[Any]] = {
        **{f"shape {k}": [_tensor(shape=shape)] for k, shape in enumerate(shapes)},
        **{f"data {k}": [_tensor(data=values)] for k, values in enumerate(data)},
        **{f"type {k}": [_tensor(datatype=kind)] for k, kind in enumerate(kinds)},
        **{
            f"size {k}": [_tensor(parameters={"binary_data_size": size})]
            for k, size in enumerate(sizes)
        },
        "no name": [_tensor(name=...)],
        "a name of another kind": [_tensor(name=7)],
        "another name": [_tensor(name="depth")],
        "many": [_tensor()] * 9,
        "none": [],
        "no object": [3],
        "parameters": [_tensor(parameters=[1])],
    }
    good = _tensor(data=[0.5] * 3072)
    return {
        **{name: json.dumps({"inputs": tensors}).encode() for name, tensors in inputs.items()},
        "output unknown": json.dumps({"inputs": [good], "outputs": [{"name": "x"}]}).encode(),
        "outputs no list": json.dumps({"inputs": [good], "outputs": 3}).encode(),
        "inputs no list": b'{"inputs": 3}',
        "empty": b"",
        "list": b"[]",
        "deep": b"{" * 100_000,
        "deep lists": b'{"inputs":' + b"[" * 200_000,
        "many lists": b'{"inputs":[' + b"[]," * 600_000 + b"[]]}",
        "many texts": b'{"inputs":[' + b'"ab",' * 380_000 + b'"ab"]}',
        "many numbers": b'{"inputs":[' + b"-9," * 600_000 + b"0]}",
        "bytes behind": json.dumps({"inputs": [good]}).encode() + bytes(100),
    }


def _broken_forms() -> dict[str, tuple[str, bytes]]:
    """Multipart bodies with their content types."""
    kind, part = "multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name="
    tail = b"\r\n\r\n1\r\n--x--\r\n"
    return {
        "nothing": (kind, b""),
        "no boundary": ("multipart/form-data", part + b'"photo"' + tail),
        "another boundary": ("multipart/form-data; boundary=y", part + b'"photo"' + tail),
        "a long boundary": (
            f"multipart/form-data; boundary={'y' * 5000}",
            part + b'"photo"' + tail,
        ),
        "a boundary of bytes": ("multipart/form-data; boundary=\xff\xfe", b"x"),
        "no end": (kind, part + b'"photo"; filename="a"\r\n\r\nabc'),
        "no name": (kind, b"--x\r\nContent-Disposition: form-data" + tail),
        "no header": (kind, b"--x" + tail),
        "no disposition": (kind, b"--x\r\nContent-Type: image/png" + tail),
        "no colon": (kind, b"--x\r\nhello" + tail),
        "a long header": (kind, part + b'"photo"; filename="' + b"a" * 300_000 + b'"' + tail),
        "many headers": (kind, b"--x\r\n" + b"A: b\r\n" * 20_000 + tail),
        "many fields": (
            kind,
            b"".join(part + b'"a"\r\n\r\n1\r\n' for _ in range(3000)) + b"--x--\r\n",
        ),
        "many files": (
            kind,
            b"".join(part + b'"photo"; filename="a"\r\n\r\n1\r\n' for _ in range(3000))
            + b"--x--\r\n",
        ),
        "a text for the photo": (kind, part + b'"photo"' + tail),
        "an unknown charset": (kind + "; charset=klingon", part + b'"photo"' + tail),
        "plain text": ("text/plain", b"hello"),
        "json": ("application/json", b"{}"),
        "no type": ("", b"hello"),
        "url form": ("application/x-www-form-urlencoded", b"photo=1&" * 5000),
        "zeros": (kind, bytes(100_000)),
        "only boundaries": (kind, b"--x\r\n" * 20_000),
    }


def hostile_requests(photo: bytes, portrait: str) -> Iterator[Hostile]:
    """Every request; each must be answered with 4xx.

    Parameters
    ----------
    photo : bytes
        A photo that can be read.
    portrait : str
        Path of a kept portrait.
    """
    cut, removal, rembg = "/v1/portraits", "/v1.0/removebg", "/api/remove"
    pictures = {**no_photos(), **{f"bomb {name}": one for name, one in photo_bombs().items()}}
    for name, content in {**pictures, **truncated_photos()}.items():
        yield Hostile(
            f"photo {name}", cut, given={"files": {"photo": ("../../etc/x.svg", content)}}
        )
    for name, content in pictures.items():
        yield Hostile(f"removebg {name}", removal, given={"files": {"image_file": content}})
        yield Hostile(f"matte {name}", f"{portrait}/alpha", "PUT", {"content": content})
    for name, content in list(pictures.items())[::2]:
        yield Hostile(f"rembg {name}", rembg, given={"files": {"file": content}})
        behind = {"image_file": photo, "bg_image_file": content}
        if content:
            yield Hostile(f"behind {name}", removal, given={"files": behind})
    beside = {
        "depth": depth_files(),
        "calib": calibrations(),
        "right": dict(list(pictures.items())[::3]),
    }
    names = (
        "../../etc/x",
        "a\0b.png",
        "\n.exr",
        "x" * 5000 + ".npy",
        "con",
        "/dev/zero",
        "..",
        "a.npz",
    )
    for kind, found in beside.items():
        for k, (name, content) in enumerate(found.items()):
            files = {"photo": photo, kind: (names[k % len(names)], content)}
            if kind == "calib":
                files["right"] = photo
            yield Hostile(f"{kind} {name}", cut, given={"files": files})
    yield Hostile("calib alone", cut, given={"files": {"photo": photo, "calib": b"{}"}})
    bad_options = {
        **_BAD_JSON,
        **{f"{name} {value!r:.20}": json.dumps({name: value}) for name, value in _BAD_VALUES},
    }
    for name, text in bad_options.items():
        given = {"files": {"photo": photo}, "data": {"options": text}}
        yield Hostile(f"options {name}", cut, given=given)
        yield Hostile(
            f"new options {name}", f"{portrait}/options", given={"content": text.encode()}
        )
    for query in _BAD_QUERIES:
        yield Hostile(f"query {query[:40]}", f"{cut}?{query}", given={"files": {"photo": photo}})
        if not query.startswith("view="):
            yield Hostile(f"render {query[:40]}", f"{portrait}/blur?{query}", "GET")
    for name, (kind, content) in _broken_forms().items():
        for path in (cut, removal, rembg):
            given = {"content": content, "headers": {"Content-Type": kind.encode("latin-1")}}
            yield Hostile(f"form {name} {path}", path, given=given)
    for name, content in _inference_bodies().items():
        yield Hostile(f"tensor {name}", "/v2/models/matte/infer", given={"content": content})
    for length in ("-1", "0", "x", "9" * 30, "99999", "1"):
        headers = {"Inference-Header-Content-Length": length}
        given = {"content": b'{"inputs": []}', "headers": headers}
        yield Hostile(f"tensor header {length[:9]}", "/v2/models/matte/infer", given=given)
    yield from _bad_services(photo)
    yield from _bad_paths(portrait)


def _bad_services(photo: bytes) -> Iterator[Hostile]:
    removal, rembg = "/v1.0/removebg", "/api/remove"
    fields: list[tuple[str, str]] = [
        ("size", "enormous"),
        ("format", "exe"),
        ("crop_margin", "-5px"),
        ("crop_margin", "99999%"),
        ("crop_margin", "x"),
        ("crop_margin", "1% 2% 3%"),
        ("bg_color", "zzz"),
        ("bg_color", "#12"),
        ("bg_color", "url(http://127.0.0.1)"),
        ("bg_image_url", "http://127.0.0.1/"),
        ("bg_image_url", "file:///etc/passwd"),
        ("image_url", "http://127.0.0.1/"),
        ("image_file_b64", "AAAA"),
        ("roi", "x"),
        ("roi", "0px 0px"),
        ("roi", "90% 90% 10% 10%"),
        ("roi", "-1px 0px 5px 5px"),
        ("roi", "0% 0% 200% 100%"),
        ("scale", "0%"),
        ("scale", "900%"),
        ("scale", "big"),
        ("position", "up"),
        ("position", "1% 2% 3%"),
        ("position", "500%"),
        ("type", "car"),
        ("type", "spaceship"),
        ("channels", "cmyk"),
        ("add_shadow", "true"),
        ("shadow_type", "drop"),
        ("crop", "perhaps"),
        ("semitransparency", "perhaps"),
    ]
    for name, value in fields:
        given = {"files": {"image_file": photo}, "data": {name: value}}
        yield Hostile(f"removebg {name}={value}", removal, given=given)
    bodies: list[Any] = [
        [],
        3,
        None,
        {},
        {"image_file_b64": 3},
        {"image_file_b64": "!"},
        {"image_file_b64": ["a"]},
        {"image_file_b64": {"a": 1}},
        {"image_url": "http://[::1"},
        {"image_url": ["http://a"]},
        {"image_file": "x"},
        {"image_file_b64": "", "size": "auto"},
        {"size": {}},
        {"image_file_b64": "aGVsbG8=", "size": ["auto"]},
        {"image_file_b64": "aGVsbG8="},
    ]
    for k, body in enumerate(bodies):
        yield Hostile(f"removebg json {k}", removal, given={"json": body})
    yield Hostile("removebg deep", removal, given={"content": b"[" * 100_000, "headers": _JSON})
    yield Hostile(
        "removebg wide",
        removal,
        given={"content": b"[" + b"{}," * 600_000 + b"{}]", "headers": _JSON},
    )
    for query in (
        "bgc=1,2,3",
        "bgc=a,b,c,d",
        "bgc=256,0,0,0",
        "bgc=-1,0,0,0",
        "bgc=" + "9" * 30,
        "af=256",
        "ab=-1",
        "ae=x",
        "om=perhaps",
        "a=perhaps",
        "ae=100000",
        "model=" + "x" * 100,
    ):
        yield Hostile(f"rembg {query[:20]}", f"{rembg}?{query}", given={"files": {"file": photo}})
    for url in ("http://127.0.0.1/", "file:///etc/passwd", "", "http://" + "a" * 3000):
        yield Hostile(f"rembg url {url[:20]}", rembg, "GET", {"params": {"url": url}})


_JSON = {"Content-Type": "application/json"}


def _bad_paths(portrait: str) -> Iterator[Hostile]:
    for path in (
        "/v1/portraits/nothing",
        "/v1/portraits/nothing/alpha",
        "/v1/portraits/%00/alpha",
        "/v1/portraits/" + "a" * 65 + "/alpha",
        "/v1/portraits/a.b",
        "/v1/portraits/%2e%2e%2fetc",
        f"{portrait}/nothing",
        f"{portrait}/%2e%2e%2f%2e%2e",
        f"{portrait}/" + "a" * 3000,
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2fsession.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/" + "a/" * 1000,
        "/etc/passwd",
        "//etc/passwd",
        "/v2/models/nothing",
        "/v2/models/matte/versions/2",
        "/v2/models/..%2f..",
        "/nothing",
        "/v2/models/matte/versions/-1/config",
        "/v2/models/" + "m" * 300,
    ):
        yield Hostile(f"path {path[:40]}", path, "GET")
    for method, path in (
        ("DELETE", "/v1/portraits"),
        ("PATCH", "/v1/portraits"),
        ("PUT", "/v1/portraits"),
        ("GET", "/v1.0/removebg"),
        ("DELETE", "/api/remove"),
        ("POST", "/healthz"),
        ("TRACE", "/"),
        ("DELETE", "/v1/portraits/nothing"),
        ("POST", "/v1/portraits/nothing/options"),
        ("PUT", "/v1/portraits/nothing/alpha"),
        ("POST", "/v1/portraits/nothing/feedback"),
        ("POST", f"{portrait}/feedback"),
        ("POST", "/v2/models/nothing/infer"),
        ("PUT", "/metrics"),
        ("GET", "/v2/models/matte/infer"),
        ("DELETE", "/"),
        ("POST", "/static/studio.css"),
    ):
        yield Hostile(f"{method} {path}", path, method)
    for name, value in (
        ("Host", "attacker.example"),
        ("Host", "127.0.0.1.attacker.example"),
        ("Host", "127.0.0.1@a"),
        ("Origin", "https://attacker.example"),
        ("Origin", "null"),
        ("Origin", "file://"),
        ("Origin", "http://127.0.0.1:1"),
    ):
        yield Hostile(f"{name} {value}", "/v1/schema", "GET", {"headers": {name: value}})


_LINE = b"POST /v1/portraits HTTP/1.1\r\nHost: 127.0.0.1\r\n"

PROTOCOL_GARBAGE: dict[str, bytes] = {
    "nothing": b"\r\n\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500),
    "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "noise": bytes(range(256)) * 8,
    "ssh": b"SSH-2.0-x\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "no host": b"GET /v1/schema HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /v1/schema HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: a\r\n\r\n",
    "a method of bytes": b"G\0T /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a path of bytes": b"GET /\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a path above": b"GET /static/../app.py HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "paths above": b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "another server": b"GET http://attacker.example/ HTTP/1.1\r\nHost: attacker.example\r\n\r\n",
    "connect": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "header without colon": b"GET /v1/schema HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "header with nul": b"GET /v1/schema HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n",
    "header name of bytes": b"GET /v1/schema HTTP/1.1\r\nHost: 127.0.0.1\r\n\xff: a\r\n\r\n",
    "space before colon": b"GET /v1/schema HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    "a huge header": b"GET /v1/schema HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000,
    "many headers": b"GET /v1/schema HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"A: b\r\n" * 30_000,
    "a huge path": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "length and chunks": _LINE + b"Content-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "two lengths": _LINE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "a negative length": _LINE + b"Content-Length: -5\r\n\r\n",
    "a length of text": _LINE + b"Content-Length: five\r\n\r\n",
    "a plus before the length": _LINE + b"Content-Length: +5\r\n\r\nabcde",
    "a huge length": _LINE + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "bad chunks": _LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "negative chunks": _LINE + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n0\r\n\r\n",
    "huge chunks": _LINE + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\nabc\r\n",
    "unknown encoding": _LINE + b"Transfer-Encoding: identity, x\r\n\r\nabc",
    "upgrade to another": b"GET /v1/schema HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\n"
    b"Connection: Upgrade\r\n\r\n",
    "a socket from elsewhere": b"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://a\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    "a socket without key": b"GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\n\r\n",
}
"""Name -> bytes to send. Each is answered with 4xx or a closed connection."""
