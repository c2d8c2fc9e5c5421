"""An object store in memory that speaks the S3 API, by moto.

In: nothing; out: one line with the port that it listens on at 127.0.0.1. Ends when standard input does, and so with
the process that started it. Never: a request to anything outside.
"""

import logging
import os
import sys

from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
# Its threads may wait for clients forever; there is nothing to save.
os._exit(0)
