# Speaks to the WebSockets of main.py: feed.py ws://HOST:PORT
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

base = sys.argv[1]
with connect(base + "/ws/feed/c-7") as ws:
    for message, answer in [("good", "GOOD"), ("bad", "error"), ("bad", "error")]:
        ws.send(message)
        if answer not in ws.recv():
            sys.exit(f"wrong answer to {message}")
    ws.send("drop")
    try:
        ws.recv()
        sys.exit("the feed did not close")
    except ConnectionClosed:
        pass
with connect(base + "/ws/crash") as ws:
    ws.send("now")
    try:
        ws.recv()
        sys.exit("the socket did not close")
    except ConnectionClosed:
        pass
