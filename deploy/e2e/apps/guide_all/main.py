# Every scenario of the guide in one application: what fails where, what is
# captured by hand, and what must stay silent.
import logging
import os
import warnings

import httpx
import sentry_sdk
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse
from sentry_sdk.integrations.fastapi import FastApiIntegration
from sentry_sdk.integrations.starlette import StarletteIntegration
from starlette.middleware.base import BaseHTTPMiddleware

# The guide uses names of the SDK that it calls outdated.
warnings.simplefilter("ignore", DeprecationWarning)

sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN"),
    integrations=[
        StarletteIntegration(transaction_style="endpoint"),
        FastApiIntegration(),
    ],
    environment=os.environ.get("APP_ENV", "production"),
    release=os.environ.get("APP_VERSION"),
    traces_sample_rate=1.0,
    send_default_pii=False,
)

app = FastAPI()
log = logging.getLogger("shop")


class PaymentDeclinedError(Exception):
    pass


class PaymentProviderError(Exception):
    pass


class ExportError(Exception):
    pass


class ArchiveError(Exception):
    pass


class ReportError(Exception):
    pass


class DatabaseError(Exception):
    pass


class CacheError(Exception):
    pass


class MailError(Exception):
    pass


class MiddlewareError(Exception):
    pass


class QuotaError(Exception):
    pass


class MessageProcessingError(Exception):
    pass


class SubscriptionError(Exception):
    pass


@app.get("/")
async def index():
    return {"status": "ok"}


# Many events of one route.
@app.get("/users/{user_id}/orders")
async def orders(user_id: int):
    raise LookupError(f"no orders table for user {user_id}")


# A dependency that fails, as the guide writes it: its finally block fails too.
class Database:
    async def connect(self):
        raise ConnectionError("database is away")


db = Database()


async def get_db_session():
    try:
        session = await db.connect()
        yield session
    except ConnectionError as exc:
        sentry_sdk.capture_exception(exc)
        raise
    finally:
        await session.close()


@app.get("/users/{user_id}")
async def get_user(user_id: str, session=Depends(get_db_session)):
    return await session.fetch_user(user_id)


# Middlewares: one raises, one catches what is below it.
class TenantMiddleware:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http" and (b"x-tenant", b"broken") in scope["headers"]:
            raise MiddlewareError("tenant header unreadable")
        await self.app(scope, receive, send)


class QuotaMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        try:
            if request.headers.get("x-quota") == "spent":
                raise QuotaError("quota is spent")
            return await call_next(request)
        except QuotaError:
            return JSONResponse({"error": "quota"}, status_code=429)


app.add_middleware(QuotaMiddleware)
app.add_middleware(TenantMiddleware)


# Exception handlers: one captures, one swallows.
@app.exception_handler(DatabaseError)
async def database_error_handler(request: Request, exc: DatabaseError):
    sentry_sdk.capture_exception(exc)
    return JSONResponse(status_code=503, content={"error": "Database temporarily unavailable"})


@app.exception_handler(CacheError)
async def cache_error_handler(request: Request, exc: CacheError):
    return JSONResponse(status_code=503, content={"error": "Cache temporarily unavailable"})


@app.get("/stock")
async def stock():
    raise DatabaseError("deadlock detected")


@app.get("/prices")
async def prices():
    raise CacheError("cache is cold")


# Handled exceptions.
@app.get("/payments/{payment_id}/charge")
async def charge_payment(payment_id: str):
    try:
        if payment_id.startswith("declined"):
            raise PaymentDeclinedError(f"card declined for {payment_id}")
        if payment_id.startswith("down"):
            raise PaymentProviderError(f"provider timeout for {payment_id}")
    except PaymentDeclinedError:
        return JSONResponse({"error": "Payment declined"}, status_code=402)
    except PaymentProviderError as exc:
        sentry_sdk.capture_exception(exc)
        return JSONResponse({"error": "Payment service unavailable"}, status_code=503)
    return {"status": "charged"}


@app.post("/exports/{export_id}/generate")
async def generate_export(export_id: str, format: str = "csv"):
    try:
        raise ExportError(f"cannot write {format}")
    except ExportError as exc:
        with sentry_sdk.push_scope() as scope:
            scope.set_tag("export.format", format)
            scope.set_extra("export_id", export_id)
            sentry_sdk.capture_exception(exc)
        raise HTTPException(status_code=500, detail="Export failed")


@app.post("/exports/{export_id}/archive")
async def archive_export(export_id: str):
    try:
        raise ArchiveError("archive is full")
    except ArchiveError as exc:
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("archive.tier", "cold")
            scope.set_extra("archived_id", export_id)
            sentry_sdk.capture_exception(exc)
    sentry_sdk.capture_message("export was not archived", level="warning")
    return {"status": "kept"}


# A span with data, and an error in its trace.
@app.get("/reports/{report_id}")
async def get_report(report_id: str):
    with sentry_sdk.start_span(op="db.query", description="fetch report") as span:
        span.set_data("report_id", report_id)
        try:
            if report_id.startswith("bad"):
                raise ReportError("relation reports does not exist")
        except ReportError as exc:
            sentry_sdk.capture_exception(exc)
            raise HTTPException(status_code=500, detail="Database error")
    return {"report": report_id}


# HTTPException: what is the client's fault is none of ours.
@app.get("/teapot/{status}")
async def teapot(status: int):
    raise HTTPException(status_code=status, detail="Short and stout")


# Users, tags, extras, breadcrumbs.
@app.get("/account/{user_id}")
async def account(user_id: int):
    sentry_sdk.set_user({"id": str(user_id), "username": f"user-{user_id}"})
    raise PermissionError("account is locked")


@app.get("/trail")
async def trail(target: str):
    sentry_sdk.set_tag("customer.tier", "gold")
    sentry_sdk.set_extra("debug_note", "cart was empty")
    async with httpx.AsyncClient() as client:
        await client.get(target)
    log.warning("stock is low: %d left", 2)
    sentry_sdk.add_breadcrumb(category="auth", message="user logged in")
    raise RuntimeError("breadcrumb trail ends here")


# Background tasks: with the hub passed along, and plain.
async def send_confirmation_email(user_id: str, hub: sentry_sdk.Hub):
    with sentry_sdk.Hub(hub):
        try:
            raise MailError(f"smtp refused recipient {user_id}")
        except MailError as exc:
            sentry_sdk.capture_exception(exc)


@app.post("/users/{user_id}/confirm")
async def confirm_user(user_id: str, background_tasks: BackgroundTasks):
    current_hub = sentry_sdk.Hub.current
    background_tasks.add_task(send_confirmation_email, user_id, current_hub)
    return {"status": "confirmation queued"}


async def send_plain_email(user_id: str):
    raise MailError(f"smtp refused {user_id} once more")


@app.post("/users/{user_id}/confirm-plain")
async def confirm_plain(user_id: str, background_tasks: BackgroundTasks):
    background_tasks.add_task(send_plain_email, user_id)
    return {"status": "confirmation queued"}


# WebSockets: a bad message, a lost connection, and what nobody catches.
async def process_message(channel_id: str, data: str) -> str:
    if data == "bad":
        raise MessageProcessingError(f"cannot parse frame on {channel_id}")
    if data == "drop":
        raise ConnectionResetError("feed backend closed the connection")
    return data.upper()


@app.websocket("/ws/feed/{channel_id}")
async def websocket_feed(websocket: WebSocket, channel_id: str):
    await websocket.accept()
    with sentry_sdk.configure_scope() as scope:
        scope.set_tag("channel_id", channel_id)
    try:
        while True:
            data = await websocket.receive_text()
            try:
                await websocket.send_text(await process_message(channel_id, data))
            except MessageProcessingError as exc:
                sentry_sdk.capture_exception(exc)
                await websocket.send_text('{"error": "message processing failed"}')
    except Exception as exc:
        sentry_sdk.capture_exception(exc)
        raise


@app.websocket("/ws/crash")
async def websocket_crash(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_text()
    raise EOFError("uncaught in a websocket")


# Server-sent events: captured by the generator, and left to fail.
async def event_stream(topic: str):
    try:
        yield "data: first\n\n"
        raise SubscriptionError(f"lost subscription to {topic}")
    except SubscriptionError as exc:
        sentry_sdk.capture_exception(exc)
        yield 'data: {"error": "stream interrupted"}\n\n'


@app.get("/events/{topic}")
async def stream_events(topic: str):
    return StreamingResponse(event_stream(topic), media_type="text/event-stream")


async def failing_stream():
    yield "data: first\n\n"
    raise BufferError("stream generator died")


@app.get("/events-raw")
async def stream_raw():
    return StreamingResponse(failing_stream(), media_type="text/event-stream")
