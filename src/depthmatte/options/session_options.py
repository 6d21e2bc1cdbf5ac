"""The options of a session: devices, networks, and the server that may run them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..option_fields import check_options, option

Device = Literal[
    "auto", "cpu", "cuda", "tensorrt", "coreml", "directml", "rocm", "openvino", "webgpu", "qnn"
]

_NETWORK = "a name, an .onnx file or URL#sha256=HEX"


@dataclass(frozen=True)
class SessionOptions:
    """Options of a session: which networks are loaded, and on which device they run.

    Parameters
    ----------
    device : str
        "auto", "cpu", "cuda", "tensorrt", "coreml", "directml", "rocm", "openvino", "webgpu"
        or "qnn".
    threads : int, optional
        CPU threads per photo. By default all cores are used.
    matte_network, depth_network : str or Path
        A name, an `.onnx` file or URL#sha256=HEX.
    stereo_network : str or Path
        The same, or "sgbm" for semi-global matching without a network.
    network : tuple of str
        Networks, each for the task that its file names.
    remote : str, optional
        Address of a server that runs the networks, such as http://HOST:PORT. It speaks the Open
        Inference Protocol v2.
    remote_timeout : float
        Seconds that one request to the server may take.
    remote_retries : int
        How often a request is repeated when the server does not answer or is busy.
    remote_fallback : bool
        Whether a network runs on this machine when the server does not.

    Raises
    ------
    OptionError
        When a value is not allowed.

    Examples
    --------
    >>> import depthmatte as dm
    >>> session = dm.Session(dm.SessionOptions(device="cpu", threads=4))  # doctest: +SKIP
    """

    device: Device = option(
        "auto",
        "choose the hardware that runs the networks",
        choices={name: {"auto": "the best available"}.get(name, "") for name in get_args(Device)},
    )
    threads: int | None = option(
        None, "limit the CPU threads per photo; without it all cores are used", low=1, high=1024
    )
    matte_network: str | Path = option(
        "matte", "use this matte network", takes=_NETWORK, metavar="NETWORK", read=str
    )
    depth_network: str | Path = option(
        "depth", "use this depth network", takes=_NETWORK, metavar="NETWORK", read=str
    )
    stereo_network: str | Path = option(
        "stereo",
        "use this network or method to match two views",
        takes=f"sgbm, {_NETWORK}",
        metavar="NETWORK",
        read=str,
    )
    network: tuple[str, ...] = option(
        (),
        "use this network for the task that it was trained for; repeat the option for more",
        takes=_NETWORK,
        metavar="NETWORK",
        repeat=True,
    )
    remote: str | None = option(
        None,
        "run the networks on this server, which then gets the small pictures that they see",
        takes="the address http://HOST:PORT of an Open Inference Protocol v2 server",
        metavar="URL",
    )
    remote_timeout: float = option(
        30.0,
        "limit the time of one request to the server",
        above=0,
        high=3600,
        unit="seconds",
    )
    remote_retries: int = option(
        2, "set how often a request is repeated when the server does not answer", low=0, high=10
    )
    remote_fallback: bool = option(
        False, "run a network on this machine, with a warning, when the server does not run it"
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.stereo_network == "network":  # its name before 0.2.0
            object.__setattr__(self, "stereo_network", "stereo")
