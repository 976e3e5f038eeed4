# ARQ: a task that fails, and one that gives up at its third try. The SDK starts
# at import: functions that are registered before it are not seen by it.
import os

import sentry_sdk
from arq import Retry
from arq.connections import RedisSettings
from sentry_sdk.integrations.arq import ArqIntegration

sentry_sdk.init(
    dsn=os.environ.get("SENTRY_DSN"),
    integrations=[ArqIntegration()],
    environment=os.environ.get("APP_ENV", "production"),
    release=os.environ.get("APP_VERSION"),
    traces_sample_rate=1.0,
)


class ReportError(Exception):
    pass


async def render_report(ctx, report_id):
    raise ReportError(f"report {report_id} cannot be rendered")


async def flaky_report(ctx, report_id):
    if ctx["job_try"] < 3:
        raise Retry(defer=0.05)
    raise ReportError(f"gave up after {ctx['job_try']} tries")


class WorkerSettings:
    functions = [render_report, flaky_report]
    redis_settings = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://localhost"))
    poll_delay = 0.1
