# All three signals of OpenTelemetry over the transport that is asked for: job.py
# http|grpc. Endpoint and headers come by the environment; it prints its trace.
import logging
import sys
import warnings

from opentelemetry import metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

warnings.simplefilter("ignore", DeprecationWarning)
if sys.argv[1] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

resource = Resource.create({"service.name": "jobs", "service.version": "6.0.0", "deployment.environment.name": "staging"})
spans = TracerProvider(resource=resource)
spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(spans)
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
meters = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter())])
metrics.set_meter_provider(meters)

log = logging.getLogger("jobs")
log.propagate = False
log.setLevel(logging.INFO)
log.addHandler(LoggingHandler(logger_provider=logs))
meter = metrics.get_meter("jobs")
done = meter.create_counter("jobs.done", unit="1")
took = meter.create_histogram("jobs.duration", unit="ms")
tracer = trace.get_tracer("jobs")


class InnerError(Exception):
    pass


def fail():
    with tracer.start_as_current_span("outer"):
        with tracer.start_as_current_span("inner"):
            raise InnerError("inner span failed")


with tracer.start_as_current_span("job") as span:
    span.set_attribute("job.id", 7)
    span.add_event("cache.miss", {"key": "k-1"})
    log.info("job starts")
    try:
        int("twelve")
    except ValueError:
        log.exception("could not parse quantity")
    try:
        fail()
    except InnerError:
        pass
    done.add(3, {"queue": "mail"})
    took.record(12.5)
    took.record(250)
    print(format(span.get_span_context().trace_id, "032x"))

for provider in (spans, logs, meters):
    provider.shutdown()
