import os
import sentry_sdk
from sentry_sdk.integrations.starlette import StarletteIntegration
from sentry_sdk.integrations.fastapi import FastApiIntegration
from fastapi import FastAPI

sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN"),
    integrations=[
        StarletteIntegration(
            transaction_style="endpoint",  # group by route path, not function name
        ),
        FastApiIntegration(),
    ],
    environment=os.environ.get("APP_ENV", "production"),
    release=os.environ.get("APP_VERSION"),
    traces_sample_rate=0.1,
    send_default_pii=False,
)

app = FastAPI()


@app.get("/")
async def index():
    return {"status": "ok"}


@app.get("/orders/{order_id}/share")
async def share(order_id: int):
    return {"share": 100 / order_id}
