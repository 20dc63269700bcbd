from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from boifi_core.observers.otlp.span_count import count_spans


def request_with(resources):
    """For each resource its scopes' numbers of spans."""
    request = ExportTraceServiceRequest()
    for scopes in resources:
        resource_spans = request.resource_spans.add(schema_url="https://a")
        resource_spans.resource.attributes.add(key="service.name").value.string_value = "shop"
        for n_spans in scopes:
            scope_spans = resource_spans.scope_spans.add()
            scope_spans.scope.name = "library"
            for number in range(n_spans):
                span = scope_spans.spans.add(name="x" * number * 9, start_time_unix_nano=number, kind=2, flags=1)
                span.attributes.add(key="a").value.int_value = -number
    return request.SerializeToString()


@given(st.lists(st.lists(st.integers(0, 20), max_size=3), max_size=3))
def test_as_many_as_the_parser_finds(resources):
    body = request_with(resources)
    assert count_spans(body, 1_000) == sum(map(sum, resources))


def test_no_further_than_just_beyond_the_limit():
    assert count_spans(request_with([[20, 20]]), 5) == 6


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(body):
    assert 0 <= count_spans(body, 10) <= 11


@given(st.integers(0, 100))
def test_a_cut_request_is_survived(at):
    body = request_with([[3]])
    assert count_spans(body[: len(body) * at // 100], 10) <= 3
