"""The server that the samples use, ackd or a redis-server without scripts, and clients of it."""

import os
import signal
import subprocess
import time

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

PROGRAM = os.environ["TEST_SERVER"]
SOCKET = os.environ["TEST_SOCKET"]
URL = f"unix://{SOCKET}"
START_S = 30


def connect(**options):
    return redis.Redis(unix_socket_path=SOCKET, decode_responses=True, **options)


def connect_patiently(**options):
    """A client that sends a command again until a server that was killed is back."""
    return connect(retry=Retry(ConstantBackoff(0.05), START_S * 20), **options)


class Server:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.command = [PROGRAM, "--port", "0", "--unixsocket", SOCKET, "--dir", directory, "--loglevel", "warning"]
        if os.path.basename(PROGRAM) == "redis-server":
            self.command += ["--appendonly", "yes", "--appendfsync", "always", "--logfile", "/dev/null"]
            for name in ["EVAL", "EVALSHA", "SCRIPT"]:
                self.command += ["--rename-command", name, ""]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command)
        deadline = time.monotonic() + START_S
        while True:
            try:
                return connect(retry=None).ping()
            except redis.ConnectionError:
                assert self.process.poll() is None and time.monotonic() < deadline, f"{PROGRAM} does not start"
                time.sleep(0.05)

    def kill_and_start(self):
        """SIGKILL, and a new server on the same data."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def stop(self):
        self.process.terminate()
        self.process.wait()
