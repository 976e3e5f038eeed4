import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.semconv.resource import ResourceAttributes
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from fastapi import FastAPI

resource = Resource.create({
    ResourceAttributes.SERVICE_NAME: os.environ.get("SERVICE_NAME", "my-fastapi-service"),
    ResourceAttributes.SERVICE_VERSION: os.environ.get("APP_VERSION", "unknown"),
})
provider = TracerProvider(resource=resource)
exporter = OTLPSpanExporter(
    endpoint=os.environ.get(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://localhost:4318"
    ) + "/v1/traces",
)
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)

app = FastAPI()
FastAPIInstrumentor.instrument_app(app)


@app.get("/")
async def index():
    return {"status": "ok"}


@app.get("/orders/{order_id}/share")
async def share(order_id: int):
    return {"share": 100 / order_id}
