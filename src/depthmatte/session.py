"""A session loads networks once and cuts any number of photos, from any thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .canvas import Canvas
from .color.icc import apply_color_mode
from .depth import DepthFunction, measure_depth
from .depth.embedded_depth import embedded_depth
from .depth.sensor.depth_map import sensor_depth
from .errors import OptionError
from .fusion import Fusion, get_fusion, get_fusions
from .io.attach import attach, check_inputs_together
from .io.photo.exif import strip_metadata
from .io.photo.from_memory import to_photo
from .io.stroke_picture import attach_strokes
from .networks.network import Network, NetworkCache
from .networks.remote import RemoteServer
from .option_fields import merge_options
from .options import CutOptions, SessionOptions, parse_subject
from .photo import Photo
from .pipeline import Pipeline
from .portrait import Portrait
from .segment.choose import choose_refiner, choose_segmenter
from .segment.corrections import Corrections
from .segment.parts import PartsFinder
from .system.cpu_count import count_cores
from .system.thread_map import map_in_threads
from .values import Depth

if TYPE_CHECKING:
    from .depth.stereo.disparity import StereoMatcher

_T = TypeVar("_T")

_FUSION_NETWORK = "fuse"
"""Name of the network of the fusion `adaptive`."""


class Session:
    """Loaded networks that cut any number of photos.

    A network loads when it is first needed. A session may be used from several threads at once,
    and each network still loads once. It is a context manager; leaving it releases the networks.

    Parameters
    ----------
    options : SessionOptions, optional
        Networks, device, threads and `remote` server. Keywords replace single fields.
    networks : mapping of str to str or Path, optional
        Task ("matte", "depth", "stereo") -> network. {"matte": "m.onnx"} is the same as
        `matte_network="m.onnx"`.
    providers : sequence of str, optional
        Execution providers of ONNX Runtime to try in this order, instead of `device`.
    **changes : Any
        Fields of `SessionOptions`: `device`, `threads`, `matte_network`, ...

    Raises
    ------
    InputError
        When the device or provider is not available.
    OptionError
        When an option is unknown or has a wrong value.

    Examples
    --------
    >>> import depthmatte as dm
    >>> with dm.Session(device="cpu", threads=2) as session:  # doctest: +SKIP
    ...     for portrait in session.map(["a.jpg", "b.jpg"], subject="nearest"):
    ...         portrait.save(f"{portrait.photo.meta.name}.png")
    """

    def __init__(
        self,
        options: SessionOptions | None = None,
        *,
        networks: Mapping[str, str | Path] | None = None,
        providers: Sequence[str] | None = None,
        **changes: Any,
    ) -> None:
        if networks is not None and not isinstance(networks, Mapping):
            raise OptionError("networks: is not a mapping; give {'matte': 'mine.onnx'}")
        named = {f"{task}_network": source for task, source in (networks or {}).items()}
        self.options = merge_options(SessionOptions, options, named | changes)
        self._cache = NetworkCache(
            self.options.device, providers, server=RemoteServer.from_options(self.options)
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release all networks. A later cut loads what it needs again."""
        self._cache.clear()

    def __repr__(self) -> str:
        return f"Session({self.options})"

    @property
    def running(self) -> dict[str, str]:
        """Task -> provider or server that runs it, of the networks loaded so far."""
        return self._cache.running()

    def cut(
        self,
        photo: Any,
        *,
        depth: Any = None,
        right: Any = None,
        calib: Any = None,
        strokes: Any = None,
        options: CutOptions | None = None,
        **changes: Any,
    ) -> Portrait:
        """Cut the person out of one photo.

        Parameters
        ----------
        photo : path, bytes, binary file, PIL.Image.Image, Photo or ndarray
            The photo. Arrays are uint8 or uint16 (H, W), (H, W, 3) or (H, W, 4), or floats in
            [0, 1], and are taken as sRGB.
        depth : path, RawDepth or ndarray, optional
            A depth file, or depth (h, w): floats in meters, integers in millimeters. The option
            `depth_scale` changes the units per meter. It overrides depth in the photo's file.
        right : path, bytes, binary file, PIL.Image.Image, Photo or ndarray, optional
            A second view of the scene, in any form that `photo` accepts.
        calib : path or Rig, optional
            The calibration of the cameras of `photo` and of `depth` or `right`.
        strokes : path or ndarray, optional
            Strokes on a transparent picture: green or white keeps, red or black drops.
        options : CutOptions, optional
            How to cut. Keywords replace single fields.
        **changes : Any
            Fields of `CutOptions`: `subject`, `fusion`, `depth_source`, ...

        Returns
        -------
        Portrait
            Maps at photo size and effects.

        Raises
        ------
        InputError
            When the photo, the depth, the second view or the calibration cannot be used.
        OptionError
            When an option is unknown or has a wrong value.
        WeightsError
            When a network cannot be used.
        MissingExtra
            When an option needs a package that is not installed.

        Examples
        --------
        >>> portrait = session.cut("photo.jpg", depth="depth.png")  # doctest: +SKIP
        """
        chosen = merge_options(CutOptions, options, changes)
        prepared = _prepare_photo(photo, depth, right, calib, chosen)
        return self.pipeline(chosen)(attach_strokes(prepared, strokes))

    def map(
        self,
        photos: Iterable[Any],
        then: Callable[[Portrait], _T] | None = None,
        *,
        workers: int | None = None,
        options: CutOptions | None = None,
        **changes: Any,
    ) -> Iterator[Any]:
        """Cut many photos in parallel threads.

        Parameters
        ----------
        photos : iterable
            Photos in any form that `cut` accepts. A generator is read only as far as needed.
        then : callable, optional
            Called with each Portrait on the worker thread, for example to write it.
        workers : int, optional
            Photos processed at once. By default as many as there are cores, or `threads`. The
            workers share the cores.
        options : CutOptions, optional
            How to cut. Keywords replace single fields.
        **changes : Any
            Fields of `CutOptions`.

        Yields
        ------
        Portrait
            The portraits, or the results of `then`, in the order of `photos`.

        Raises
        ------
        InputError
            When a photo cannot be used. The photos before it have been returned by then.

        Examples
        --------
        >>> list(session.map(["a.jpg", "b.jpg"], dm.Portrait.cutout))  # doctest: +SKIP
        """
        if isinstance(photos, str | bytes | bytearray | memoryview | os.PathLike | Photo):
            raise OptionError("photos: is one photo; give a list of photos, or use cut")
        chosen = merge_options(CutOptions, options, changes)
        threads = self.options.threads or count_cores()
        worker_count = max(1, workers or threads)
        pipeline = self.pipeline(chosen, max(1, threads // worker_count))

        def work(photo: Any) -> Any:
            portrait = pipeline(_prepare_photo(photo, None, None, None, chosen))
            _ = portrait.alpha  # restore here, so that the caller's thread does not have to
            return then(portrait) if then else portrait

        return map_in_threads(work, photos, worker_count)

    def pipeline(self, options: CutOptions | None = None, threads: int | None = None) -> Pipeline:
        """Make the pipeline that cuts photos with the networks of this session.

        Parameters
        ----------
        options : CutOptions, optional
            How to cut each photo.
        threads : int, optional
            CPU threads of each network. By default those of the session.

        Returns
        -------
        Pipeline
            Call it with a Photo to get a Portrait.
        """
        chosen = options or CutOptions()
        threads = threads or self.options.threads
        matte = self.network("matte", threads)
        fusion = self.fusion(chosen.fusion, threads)
        return Pipeline(
            segment=choose_segmenter(chosen, matte),
            measure=partial(
                measure_depth, sources=self.sources(chosen, threads), choice=chosen.depth_source
            ),
            fuse=fusion,
            preset=matte.contract.preset,
            orient=chosen.orient,
            fused_threshold=fusion.threshold,
            subject=parse_subject(chosen.subject),
            # A second look would lose the parts that spectral matting groups.
            second_look=chosen.second_look and chosen.segmenter == "network",
            edge=chosen.edge,
            refine=choose_refiner(chosen.refinement, partial(self.network, "detail", threads)),
            corrections=Corrections(chosen.keep, chosen.drop, chosen.box, chosen.clean),
            find_parts=PartsFinder(partial(self.network, "parts", threads)),
            load_people=partial(self.network, "people", threads),
        )

    def network(self, task: str, threads: int | None = None) -> Network:
        """Return the network of a task; it is loaded once.

        Parameters
        ----------
        task : {"matte", "depth", "stereo", "fuse", "detail", "parts", "people"}
            The task of the network.
        threads : int, optional
            CPU threads. By default those of the session.

        Returns
        -------
        Network
            The loaded network.

        Raises
        ------
        WeightsError
            When the file cannot be used or has another task.
        """
        source = self._cache.choose(self.options, task)
        return self._cache.get(source, task, threads or self.options.threads)

    def fusion(self, name: str, threads: int | None = None) -> Fusion:
        """Return the fusion of this name, with the fusion network of this session."""
        return get_fusion(name, partial(self.network, _FUSION_NETWORK, threads))

    def fusions(self) -> dict[str, Fusion]:
        """Return all fusions by name, with the fusion network of this session."""
        return get_fusions(partial(self.network, _FUSION_NETWORK))

    def sources(
        self, options: CutOptions | None = None, threads: int | None = None
    ) -> dict[str, DepthFunction]:
        """Return all depth sources by name. Networks load when they are first needed.

        Parameters
        ----------
        options : CutOptions, optional
            Its `sensor` options apply to measured depth.
        threads : int, optional
            CPU threads of each network. By default those of the session.

        Returns
        -------
        dict of str to callable
            "stored", "sensor", "stereo" and "mono" -> function (Photo, Canvas) -> Depth.
        """
        chosen = options or CutOptions()
        return {
            "stored": embedded_depth,
            "sensor": partial(sensor_depth, options=chosen.sensor),
            "stereo": partial(self._match_views, threads),
            "mono": partial(self._estimate_depth, threads),
        }

    def _match_views(self, threads: int | None, photo: Photo, canvas: Canvas) -> Depth:
        if photo.evidence.second_view is None:
            return Depth.none(canvas.fit.canvas)
        # Imported late, because few photos have a second view.
        from .depth.stereo.second_view import create_stereo_source

        return create_stereo_source(partial(self._matcher, threads))(photo, canvas)

    def _estimate_depth(self, threads: int | None, photo: Photo, canvas: Canvas) -> Depth:
        from .depth.estimated import create_depth_estimator

        return create_depth_estimator(self.network("depth", threads))(photo, canvas)

    def _matcher(self, threads: int | None) -> StereoMatcher:
        if self._cache.choose(self.options, "stereo") == "sgbm":
            from .depth.stereo.sgbm import match_sgbm

            return match_sgbm
        from .depth.stereo.network_matcher import MATCH_SIDE_PX, create_network_matcher

        return create_network_matcher(self.network("stereo", threads), MATCH_SIDE_PX)


def _prepare_photo(photo: Any, depth: Any, right: Any, calib: Any, options: CutOptions) -> Photo:
    """Read a photo in any form, attach what was given with it, and apply the photo options."""
    return apply_photo_options(
        attach_inputs(to_photo(photo), depth, right, calib, options), options
    )


def attach_inputs(photo: Photo, depth: Any, right: Any, calib: Any, options: CutOptions) -> Photo:
    """Attach a depth map or a second view to a photo.

    Parameters
    ----------
    photo : Photo
        The photo.
    depth, right, calib : Any
        As `Session.cut` takes them.
    options : CutOptions
        Its depth options say how to read `depth`.

    Returns
    -------
    Photo
        The photo with new evidence; the same photo when nothing was given.

    Raises
    ------
    InputError
        When an input cannot be read, or depth options are set without a depth file.
    """
    sensor = None if photo.evidence.depth_map is not None else options.sensor
    kind, scale = options.depth_kind, options.depth_scale
    check_inputs_together(depth, right, calib, scale, kind, sensor, name=photo.meta.name)
    if depth is None and right is None:
        return photo
    return attach(photo, depth, right, calib, scale, depth_kind=kind)


def apply_photo_options(photo: Photo, options: CutOptions) -> Photo:
    """Convert colors and remove metadata as the options `color` and `strip` say."""
    converted = apply_color_mode(photo, options.color)
    meta = strip_metadata(converted.meta, options.strip)
    return converted if meta is converted.meta else replace(converted, meta=meta)


_sessions: dict[SessionOptions, Session] = {}
_sessions_lock = threading.Lock()

_MAX_DEFAULT_SESSIONS = 4
"""Number of sessions that `cut` keeps: those with the options used last."""


def default_session(options: SessionOptions | None = None) -> Session:
    """Return the session that `cut` uses for these options; it is made once and kept."""
    options = options or SessionOptions()
    with _sessions_lock:
        session = _sessions.pop(options, None) or Session(options)
        _sessions[options] = session
        while len(_sessions) > _MAX_DEFAULT_SESSIONS:
            _sessions.pop(next(iter(_sessions)))
    return session
