# Queues the tasks of one of the workers and prints their ids: enqueue.py arq|celery
import asyncio
import os
import sys


async def arq():
    from arq import create_pool
    from arq.connections import RedisSettings

    pool = await create_pool(RedisSettings.from_dsn(os.environ["REDIS_URL"]))
    for task in ("render_report", "flaky_report"):
        print((await pool.enqueue_job(task, "r-7")).job_id)
    await pool.aclose()


def celery():
    from celery_app import process_data, process_with_retry

    for task in (process_data, process_with_retry):
        print(task.delay("c-1").id)


if sys.argv[1] == "arq":
    asyncio.run(arq())
else:
    celery()
