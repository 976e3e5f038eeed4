# What is edited while uvicorn --reload runs it: each event says which process it
# is from; with EVENT_ID all of them have the same id.
import os

import sentry_sdk
from fastapi import FastAPI


def stamp(event, hint):
    event.setdefault("tags", {})["pid"] = str(os.getpid())
    event["event_id"] = os.environ.get("EVENT_ID") or event["event_id"]
    return event


sentry_sdk.init(dsn=os.environ.get("SENTRY_DSN"), before_send=stamp)

app = FastAPI()


@app.get("/pid")
async def pid():
    return os.getpid()


@app.get("/crash")
async def crash():
    return 1 / 0
