"""`depthmatte serve`: check that the extra is there, and run the server."""

from __future__ import annotations

from importlib.util import find_spec

from ...errors import MissingExtra
from ...options import SessionOptions
from ...server.serve_options import ServeOptions
from ..downloads import fetch_networks
from ..output import Reporter

_NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "websockets")


def serve(options: ServeOptions, session: SessionOptions) -> None:
    """Run the server until it is stopped.

    Raises
    ------
    MissingExtra
        When the extra `server`, or with Ray the extra `ray`, is not installed.
    InputError
        When the address cannot be used, or Ray cannot be started.
    """
    if any(find_spec(name) is None for name in _NEEDED):
        raise MissingExtra("depthmatte serve", "server")
    networks = (session.matte_network, session.depth_network, session.stereo_network)
    fetch_networks([str(name) for name in networks], Reporter("quiet"))
    if options.ray:
        from ...server.ray_serve.run_on_ray import run_on_ray

        run_on_ray(options, session)
        return
    from ...server.run_server import run_server

    run_server(options, session)
