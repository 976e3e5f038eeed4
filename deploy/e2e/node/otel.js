// OpenTelemetry of JavaScript: both of its HTTP exporters send JSON. Endpoint and
// headers come by the environment.
const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-http");
const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-http");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { BatchSpanProcessor, TracerProvider } = require("@opentelemetry/sdk-trace");

const resource = resourceFromAttributes({
  "service.name": "render",
  "service.version": "4.0.0",
  "deployment.environment.name": "staging",
  "telemetry.sdk.language": "nodejs",
});
const spans = new TracerProvider({ resource, spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })] });
const logs = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })] });

function render(template) {
  return template.render();
}

const tracer = spans.getTracer("clients");
const job = tracer.startSpan("process-job", { kind: SpanKind.CONSUMER, attributes: { "job.sizes": [1, 2, 3] } });
const child = tracer.startSpan("render", {}, trace.setSpan(ROOT_CONTEXT, job));
try {
  render(null);
} catch (error) {
  child.recordException(error);
  child.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}
child.end();
job.end();

const logger = logs.getLogger("jobs");
const failure = new RangeError("job 7 failed");
logger.emit({ severityNumber: SeverityNumber.INFO, severityText: "INFO", body: "job 7 starts" });
logger.emit({
  severityNumber: SeverityNumber.ERROR,
  severityText: "ERROR",
  body: "job failed",
  attributes: { "exception.type": failure.name, "exception.message": failure.message, "exception.stacktrace": failure.stack },
});

Promise.all([spans.shutdown(), logs.shutdown()]).then(
  () => console.log(job.spanContext().traceId),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
