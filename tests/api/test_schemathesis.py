"""The document against the application: generated requests, good and bad, must never break or surprise it."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.fakes import ADMIN, FakeEngine
from waqtor.api.app import create_app
from waqtor.kernel.clock import FakeClock

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]


class Key:
    def get(self, case, context):
        return ADMIN

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "X-API-Key": data}


class HurriedClock(FakeClock):
    """Hours pass between requests: the checks that try wrong keys are not meant to meet the throttle."""

    def monotonic(self) -> float:
        self._mono += 3600
        return self._mono


engine = FakeEngine()
engine.clock = HurriedClock()
app = create_app(engine, manage_engine=False)
schema = schemathesis.openapi.from_asgi("/openapi.json", app)
schema.auth()(Key)


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_application_keeps_to_its_document(case):
    case.call_and_validate(checks=CHECKS)
