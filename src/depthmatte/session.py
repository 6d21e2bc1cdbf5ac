"""A session: networks that are loaded once and cut any number of photos, from any thread."""

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
from .depth.embedded import embedded_depth
from .depth.sensor.measured import sensor_depth
from .errors import OptionError
from .fusion import Fusion, get_fusion, get_fusions
from .io.attach import attach, check_inputs_together
from .io.photo.exif import strip_metadata
from .io.photo.from_memory import to_photo
from .networks.network import Network, NetworkCache
from .options import CutOptions, SessionOptions, parse_subject
from .photo import Photo
from .pipeline import Pipeline
from .portrait import Portrait
from .subjects.select import Subject
from .system.cores import count_cores
from .values import Depth, Matte

if TYPE_CHECKING:
    from .depth.stereo.disparity import StereoMatcher

_T = TypeVar("_T")
_Options = TypeVar("_Options", CutOptions, SessionOptions)

_FUSION_NETWORK = "fuse"
"""The network of the fusion `adaptive`, in the table of networks."""


class Session:
    """Networks loaded once, for any number of photos and any number of threads.

    A session loads each network when it is first needed. It may be used from many threads at
    once: a network that two threads need at the same time still loads once. It is a context
    manager; `close` lets go of the networks.

    Parameters
    ----------
    options
        What is loaded and what it runs on; the keywords change single fields of it.
    networks
        Files or names by task (`matte`, `depth`, `stereo`), short for `matte_network=` and so on.
    providers
        Execution providers of ONNX Runtime to try in this order, instead of `device`.
    **changes
        Fields of SessionOptions: `device`, `threads`, `matte_network`, ...

    Raises
    ------
    InputError
        For an option that cannot be, and for a device that is not there.

    Example
    -------
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
            raise OptionError("networks: takes files or names by task; give {'matte': 'mine.onnx'}")
        named = {f"{task}_network": source for task, source in (networks or {}).items()}
        self.options = merge_options(SessionOptions, options, named | changes)
        self._cache = NetworkCache(self.options.device, providers)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all networks. The session can go on: what it needs is loaded again."""
        self._cache.clear()

    def __repr__(self) -> str:
        return f"Session({self.options})"

    @property
    def running(self) -> dict[str, str]:
        """Task -> the execution provider that really runs it, of the networks loaded so far."""
        return self._cache.running()

    def cut(
        self,
        photo: Any,
        *,
        depth: Any = None,
        right: Any = None,
        calib: Any = None,
        options: CutOptions | None = None,
        **changes: Any,
    ) -> Portrait:
        """Cut the person out of one photo.

        Parameters
        ----------
        photo
            A path, the bytes of a file, an open binary file, a PIL image, a Photo, or an array:
            uint8 or uint16 (H, W), (H, W, 3) or (H, W, 4), or floats in [0, 1], sRGB.
        depth
            A depth file, a RawDepth, or numbers (h, w): floats in meters, whole numbers in mm
            or with `depth_scale` units per meter. What is given here wins over what the
            photo's file holds.
        right
            A second view: whatever `photo` may be.
        calib
            A calibration file or a Rig, for `depth` or `right`.
        options
            What is asked; the keywords change single fields of it.
        **changes
            Fields of CutOptions: `subject`, `fusion`, `depth_source`, ...

        Returns
        -------
        The Portrait.

        Raises
        ------
        InputError
            When the photo, what was given beside it, or an option cannot be used.
        WeightsError
            When a network cannot be used.
        """
        chosen = merge_options(CutOptions, options, changes)
        return self.pipeline(chosen)(_prepare_photo(photo, depth, right, calib, chosen))

    def map(
        self,
        photos: Iterable[Any],
        then: Callable[[Portrait], _T] | None = None,
        *,
        workers: int | None = None,
        options: CutOptions | None = None,
        **changes: Any,
    ) -> Iterator[Any]:
        """Cut many photos; decoding, networks and what comes `then` overlap on all cores.

        Parameters
        ----------
        photos
            What `cut` takes, one by one; a generator is read only as far as needed.
        then
            What is done with each portrait on the worker's thread, such as writing it.
        workers
            Photos in work at once; as many as there are cores (or `threads`) if not given.
            Each then runs its networks on its share of the cores.
        options, **changes
            As `cut` takes them.

        Yields
        ------
        The portraits, or what `then` made of them, in the order of `photos`.

        Raises
        ------
        InputError
            At the photo that cannot be used; photos before it have been given out.
        """
        if isinstance(photos, str | bytes | bytearray | memoryview | os.PathLike | Photo):
            raise OptionError("photos: is one photo; give a list of photos, or use cut")
        chosen = merge_options(CutOptions, options, changes)
        threads = self.options.threads or count_cores()
        many = max(1, workers or threads)
        pipeline = self.pipeline(chosen, max(1, threads // many))

        def work(photo: Any) -> Any:
            portrait = pipeline(_prepare_photo(photo, None, None, None, chosen))
            _ = portrait.alpha  # restored here, not on the thread of whoever asks
            return then(portrait) if then else portrait

        return _map_in_threads(work, photos, many)

    def pipeline(self, options: CutOptions | None = None, threads: int | None = None) -> Pipeline:
        """The steps of one cut, with this session's networks: Photo -> Portrait.

        Parameters
        ----------
        options
            What is asked of each photo.
        threads
            CPU threads of each network; those of the session if not given.
        """
        asked = options or CutOptions()
        choice, point = parse_subject(asked.subject)
        threads = threads or self.options.threads
        matte = self.network("matte", threads)
        rule = self.fusion(asked.fusion, threads)
        return Pipeline(
            segment=_segmenter(matte),
            measure=partial(
                measure_depth, sources=self.sources(asked, threads), choice=asked.depth_source
            ),
            fuse=rule,
            preset=matte.contract.preset,
            orient=asked.orient,
            fused_threshold=rule.threshold,
            subject=Subject(choice, point),
            second_look=asked.second_look,
        )

    def network(self, task: str, threads: int | None = None) -> Network:
        """The network of a task, loaded once.

        Parameters
        ----------
        task
            `matte`, `depth`, `stereo` or `fuse`.
        threads
            CPU threads; those of the session if not given.

        Raises
        ------
        WeightsError
            When the file cannot be used, or is for another task.
        """
        source = getattr(self.options, f"{task}_network", task)
        source = task if source == "network" else source
        return self._cache.get(source, task, threads or self.options.threads)

    def fusion(self, name: str, threads: int | None = None) -> Fusion:
        """A fusion by its name, with this session's fusion network."""
        return get_fusion(name, partial(self.network, _FUSION_NETWORK, threads))

    def fusions(self) -> dict[str, Fusion]:
        """All fusions by name, with this session's fusion network."""
        return get_fusions(partial(self.network, _FUSION_NETWORK))

    def sources(
        self, options: CutOptions | None = None, threads: int | None = None
    ) -> dict[str, DepthFunction]:
        """All sources of depth by name; networks load when they are first needed."""
        asked = options or CutOptions()
        return {
            "stored": embedded_depth,
            "sensor": partial(sensor_depth, options=asked.sensor),
            "stereo": partial(self._matched, threads),
            "mono": partial(self._estimated, threads),
        }

    def _matched(self, threads: int | None, photo: Photo, canvas: Canvas) -> Depth:
        if photo.evidence.second_view is None:
            return Depth.none(canvas.fit.canvas)
        # Here, not above: few photos have a second view.
        from .depth.stereo.second_view import create_stereo_source

        return create_stereo_source(partial(self._matcher, threads))(photo, canvas)

    def _estimated(self, threads: int | None, photo: Photo, canvas: Canvas) -> Depth:
        from .depth.estimated import create_depth_estimator

        return create_depth_estimator(self.network("depth", threads))(photo, canvas)

    def _matcher(self, threads: int | None) -> StereoMatcher:
        if self.options.stereo_network == "sgbm":
            from .depth.stereo.sgbm import match_sgbm

            return match_sgbm
        from .depth.stereo.network_matcher import MATCH_SIDE_PX, create_network_matcher

        return create_network_matcher(self.network("stereo", threads), MATCH_SIDE_PX)


def _segmenter(network: Network) -> Callable[[Canvas], Matte]:
    from .segment.network import create_segmenter

    return create_segmenter(network)


def _prepare_photo(photo: Any, depth: Any, right: Any, calib: Any, options: CutOptions) -> Photo:
    """The photo as the pipeline takes it, with what was given beside it."""
    return apply_photo_options(
        attach_inputs(to_photo(photo), depth, right, calib, options), options
    )


def attach_inputs(photo: Photo, depth: Any, right: Any, calib: Any, options: CutOptions) -> Photo:
    """The photo with what was given beside it as its evidence.

    Raises
    ------
    InputError
        For what cannot be read, and for options that go with a depth file when there is none.
    """
    attached = photo.evidence.depth_map is not None
    check_inputs_together(
        depth,
        right,
        calib,
        options.depth_scale,
        options.depth_kind,
        None if attached else options.sensor,
        name=photo.meta.name,
    )
    if depth is None and right is None:
        return photo
    return attach(photo, depth, right, calib, options.depth_scale, depth_kind=options.depth_kind)


def apply_photo_options(photo: Photo, options: CutOptions) -> Photo:
    """The photo in the colors, and with the metadata, that the results are to have."""
    colored = apply_color_mode(photo, options.color)
    meta = strip_metadata(colored.meta, options.strip)
    return colored if meta is colored.meta else replace(colored, meta=meta)


def merge_options(
    kind: type[_Options], options: _Options | None, changes: Mapping[str, Any]
) -> _Options:
    """Options of this kind with some fields changed; the usual ones where none are given.

    Raises
    ------
    OptionError
        For options of another kind, and for a field nobody knows.
    """
    options = kind() if options is None else options
    if not isinstance(options, kind):
        raise OptionError(
            f"options is of type {type(options).__name__}; "
            f"give {kind.__name__}, or the options as keywords"
        )
    try:
        return replace(options, **changes) if changes else options
    except TypeError:
        from .fields import option_names

        known = option_names(kind)
        wrong = ", ".join(name for name in changes if name not in known)
        raise OptionError(f"{wrong}: no such option; use {', '.join(known)}") from None


def _map_in_threads(work: Callable[[Any], _T], items: Iterable[Any], workers: int) -> Iterator[_T]:
    """`work` on every item, in order, on so many threads; at most one more is on the way."""
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="depthmatte") as pool:
        coming: list[Future[_T]] = []
        try:
            for item in items:
                coming.append(pool.submit(work, item))
                if len(coming) > workers:
                    yield coming.pop(0).result()
            while coming:
                yield coming.pop(0).result()
        finally:
            for future in coming:
                future.cancel()


_sessions: dict[SessionOptions, Session] = {}
_sessions_lock = threading.Lock()

_MAX_DEFAULT_SESSIONS = 4
"""Default sessions kept at once: what `dm.cut` was last asked for."""


def default_session(options: SessionOptions | None = None) -> Session:
    """The session behind `dm.cut` for these options; made once and kept."""
    options = options or SessionOptions()
    with _sessions_lock:
        session = _sessions.pop(options, None) or Session(options)
        _sessions[options] = session
        while len(_sessions) > _MAX_DEFAULT_SESSIONS:
            _sessions.pop(next(iter(_sessions)))
    return session
