"""Requests made from the OpenAPI document: no 5xx, and every status is documented."""

from __future__ import annotations

import pytest

from http_server import HttpServer

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

_EXAMPLES = 60


@pytest.mark.filterwarnings("ignore")
def test_requests_from_the_document(server: HttpServer) -> None:
    schema = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
    operations = [one.ok() for one in schema.get_all_operations()]
    assert len(operations) > 15

    @given(data=st.data())
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def call(data: st.DataObject) -> None:
        operation = data.draw(st.sampled_from(operations))
        case = data.draw(operation.as_strategy())
        case.call_and_validate(checks=[not_a_server_error, status_code_conformance], timeout=60)

    call()
