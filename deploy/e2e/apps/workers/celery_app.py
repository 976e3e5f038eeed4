# Celery with its forked pool: a task that fails, and one that gives up after two
# retries. The SDK starts with celeryd_init, before the tasks are traced.
import os
import time
import uuid

import sentry_sdk
from celery import Celery
from celery.signals import celeryd_init
from kombu.transport import filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps
from sentry_sdk.integrations.celery import CeleryIntegration


def put_whole(self, queue, payload, **kwargs):
    part = os.path.join(self.data_folder_out, f"{uuid.uuid4()}.part")
    with open(part, "wb") as f:
        f.write(str_to_bytes(dumps(payload)))
    os.rename(part, os.path.join(self.data_folder_out, f"{int(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"))


# Kombu writes a message into a file that a worker may already read: one that is
# read half is lost. Here it appears whole.
filesystem.Channel._put = put_whole

celery = Celery("tasks", broker=os.environ.get("CELERY_BROKER_URL"))
folder = os.environ.get("BROKER_FOLDER", ".")
celery.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "/control"}
celery.conf.worker_enable_remote_control = False
celery.conf.broker_connection_retry_on_startup = True


@celeryd_init.connect
def init_sentry(**kwargs):
    sentry_sdk.init(
        dsn=os.environ.get("SENTRY_DSN"),
        integrations=[CeleryIntegration()],
        environment=os.environ.get("APP_ENV", "production"),
        release=os.environ.get("APP_VERSION"),
        traces_sample_rate=1.0,
    )


class RecordError(Exception):
    pass


@celery.task
def process_data(record_id):
    raise RecordError(f"record {record_id} is corrupt")


@celery.task(bind=True, max_retries=2, default_retry_delay=0)
def process_with_retry(self, record_id):
    try:
        raise RecordError(f"record {record_id} is locked")
    except RecordError as exc:
        raise self.retry(exc=exc, countdown=0)
