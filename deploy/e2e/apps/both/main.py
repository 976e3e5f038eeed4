# Both SDKs in one application: the spans go over OTLP, the errors over Sentry's
# protocol, and OTLPIntegration gives the errors the trace of the spans.
import os
import sentry_sdk
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.otlp import OTLPIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from fastapi import FastAPI

provider = TracerProvider(resource=Resource.create({"service.name": os.environ.get("SERVICE_NAME", "shop")}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(
    endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces")))
trace.set_tracer_provider(provider)

sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN"),
    integrations=[
        StarletteIntegration(transaction_style="endpoint"),
        FastApiIntegration(),
        OTLPIntegration(setup_otlp_traces_exporter=False, capture_exceptions=True),
    ],
    environment=os.environ.get("APP_ENV", "production"),
    release=os.environ.get("APP_VERSION"),
    # How many events may wait to be sent: on a busy machine the default of 100 loses some.
    transport_queue_size=int(os.environ.get("SENTRY_QUEUE", "100")),
)

app = FastAPI()
FastAPIInstrumentor.instrument_app(app)
tracer = trace.get_tracer(__name__)


class CheckoutError(Exception):
    pass


@app.get("/")
async def index():
    return {"status": "ok"}


@app.get("/checkout/{cart_id}")
async def checkout(cart_id: str):
    with tracer.start_as_current_span("price-cart"):
        raise CheckoutError(f"no price for cart {cart_id}")
