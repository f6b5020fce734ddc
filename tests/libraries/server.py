"""The server that the samples use, ackd or redis-server, and clients of it."""

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
IS_REDIS = os.path.basename(PROGRAM) == "redis-server"
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
        if IS_REDIS:
            self.command += ["--appendonly", "yes", "--appendfsync", "always"]
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


class Scripts:
    """The commands for scripts that clients send while it watches. redis-server alone runs them."""

    def __enter__(self):
        self.monitor = connect().monitor()
        self.monitor.__enter__()
        return self

    def __exit__(self, *_):
        self.monitor.__exit__(None, None, None)

    def sent(self):
        """What was sent since the last call."""
        connect().echo("end of the sample")
        names = set()
        while True:
            command = self.monitor.next_command()["command"]
            if command == "ECHO end of the sample":
                return names
            name = command.split(" ")[0].upper()
            if name.startswith(("EVAL", "SCRIPT", "FCALL", "FUNCTION")):
                names.add(name)
