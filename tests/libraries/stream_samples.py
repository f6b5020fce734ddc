"""Samples of what programs do with streams. Most go on while the server is killed and started again."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time

import redis

from server import SOCKET, URL, connect, connect_patiently

NODE = os.environ.get("TEST_NODE_MODULES")
HERE = os.path.dirname(__file__)


class Skipped(Exception):
    """What a sample needs is not on this machine."""


def until(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


class Worker:
    """A program of a library, which runs until the sample is over."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr))
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        running = self.process.poll() is None
        self.end()
        said = "".join(self.errors)
        if kind is not None:
            raise RuntimeError(f"{error}: {said[-5000:]}") from error
        assert running, f"the worker ended: {said[-300:]}"

    def end(self):
        """Asks it to end, then kills what is left of it and of its children."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.reader.join()


def group(client, server):
    """An event log with two workers of a group, one of which dies with what it took."""
    ids = [client.xadd("events", {"number": number}) for number in range(6)]
    client.xgroup_create("events", "workers", id="0")
    assert client.xlen("events") == 6 and client.xread({"events": "0"}, count=1)[0][1][0] == (ids[0], {"number": "0"})
    taken = client.xreadgroup("workers", "dies", {"events": ">"}, count=4)
    assert [entry for entry, _ in taken[0][1]] == ids[:4]
    server.kill_and_start()
    [(_, rest)] = client.xreadgroup("workers", "lives", {"events": ">"}, block=1000)
    assert client.xack("events", "workers", *[entry for entry, _ in rest]) == 2
    assert client.xpending("events", "workers")["consumers"] == [{"name": "dies", "pending": 4}]
    cursor, claimed, deleted = client.xautoclaim("events", "workers", "lives", 0, count=3)
    assert cursor == ids[3] and [entry for entry, _ in claimed] == ids[:3] and deleted == []
    pending = client.xpending_range("events", "workers", "-", "+", 10, consumername="lives")
    assert [(entry["message_id"], entry["times_delivered"]) for entry in pending] == [(entry, 2) for entry in ids[:3]]
    info = client.xinfo_stream("events", full=True)
    assert info["length"] == 6 and info["groups"][0]["lag"] == 0
    assert client.xtrim("events", maxlen=2, approximate=False) == 4
    assert client.xinfo_groups("events")[0]["pending"] == 4


class Crew:
    """Producers and consumers of one stream, which send again what a killed server did not answer."""

    ENTRIES, PRODUCERS, CONSUMERS = 150, 2, 3

    def __init__(self):
        self.added, self.done, self.errors = {}, [], []
        self.lock = threading.Lock()

    def produce(self, producer):
        client = connect_patiently()
        for number in range(self.ENTRIES):
            name = f"{producer}:{number}"
            entry = client.xadd("crew", {"name": name})
            with self.lock:
                self.added[entry] = name

    def consume(self, consumer):
        client = connect_patiently()
        while not self.complete():
            _, entries, _ = client.xautoclaim("crew", "group", consumer, 500, count=10)
            for _, new in client.xreadgroup("group", consumer, {"crew": ">"}, count=5, block=100):
                entries += new
            for entry, fields in entries:
                client.xack("crew", "group", entry)
                with self.lock:
                    self.done.append((entry, fields["name"]))

    def complete(self):
        with self.lock:
            wanted = self.ENTRIES * self.PRODUCERS
            return bool(self.errors) or len(self.added) == wanted and set(self.added) <= {entry for entry, _ in self.done}

    def run(self, work, name):
        try:
            work(name)
        except Exception as error:
            self.errors.append(error)

    def threads(self):
        producers = [threading.Thread(target=self.run, args=(self.produce, f"p{n}")) for n in range(self.PRODUCERS)]
        return producers + [threading.Thread(target=self.run, args=(self.consume, f"c{n}")) for n in range(self.CONSUMERS)]


def group_through_kills(client, server):
    """Every entry that was acknowledged is handled, whatever is killed meanwhile, and nothing stays pending."""
    seed, crew = random.randrange(2**32), Crew()
    moments = sorted(random.Random(seed).sample(range(crew.ENTRIES * crew.PRODUCERS - 20), 4))
    client.xgroup_create("crew", "group", id="0", mkstream=True)
    threads = crew.threads()
    [thread.start() for thread in threads]
    for added in moments:
        until(lambda: crew.errors or len(crew.added) >= added, f"{added} entries are added")
        server.kill_and_start()
    [thread.join(120) for thread in threads]
    assert not crew.errors and crew.complete(), (seed, crew.errors, len(crew.added), len(crew.done))
    stored = {entry: fields["name"] for entry, fields in client.xrange("crew")}
    assert crew.added.items() <= stored.items(), f"seed {seed}: an acknowledged entry is lost"
    assert all(stored[entry] == name for entry, name in crew.done), f"seed {seed}: handled, but not stored"
    until(lambda: client.xpending("crew", "group")["pending"] == 0 or claim_rest(client), "nothing is pending")


def claim_rest(client):
    """Entries whose delivery was on disk when the server died, but whose reply nobody got."""
    _, entries, _ = client.xautoclaim("crew", "group", "last", 0)
    client.xack("crew", "group", *[entry for entry, _ in entries])


def walrus(_, server):
    from walrus import Database

    database = Database(unix_socket_path=SOCKET)
    log = database.Stream("log")
    first, second, third = [log.add({"number": number}) for number in range(3)]
    workers = database.consumer_group("workers", ["log", "other"])
    assert workers.create() == {"log": True, "other": True}
    workers.set_id("0-0")
    assert workers.read(count=2) == [[b"log", [(first, {b"number": b"0"}), (second, {b"number": b"1"})]]]
    assert workers.log.ack(first) == 1
    server.kill_and_start()
    assert [entry["message_id"] for entry in workers.log.pending()] == [second]
    other = workers.consumer("other")
    assert other.log.claim(second) == [(second, {b"number": b"1"})]
    assert other.read(count=1) == [[b"log", [(third, {b"number": b"2"})]]]
    assert log.consumers_info("workers")[0]["pending"] == 2 and log.info()["length"] == 3
    series = database.time_series("series", ["a", "b"])
    series.create()
    series.a.add({"v": 1})
    series.b.add({"v": 2})
    assert [message.data for message in series.read()] == [{"v": "1"}, {"v": "2"}]


def faststream(client, server):
    """A group, a plain reader, batches, and who takes over what a consumer left behind."""
    from faststream.redis import RedisBroker, StreamSub

    broker = RedisBroker(URL, logger=None)
    received = {"group": [], "reader": [], "batch": [], "rescued": []}

    def subscribe(name, kind, **options):
        @broker.subscriber(stream=StreamSub("orders", polling_interval=100, **options))
        async def handle(message: kind):
            received[name] += message if kind == list[int] else [message]

    subscribe("group", int, group="group", consumer="one")
    subscribe("reader", int, last_id="0")
    subscribe("batch", list[int], group="batches", consumer="one", batch=True)

    @broker.subscriber(stream=StreamSub("left", group="group", consumer="saver", min_idle_time=1, polling_interval=100))
    async def save(message: int):
        received["rescued"].append(message)

    client.xadd("left", {"data": "7"})
    client.xgroup_create("left", "group", id="0")
    client.xreadgroup("group", "dies", {"left": ">"})

    async def everyone_has(numbers):
        wanted = {"group": numbers, "reader": numbers, "batch": numbers, "rescued": [7]}
        for _ in range(600):
            if received == wanted:
                return
            await asyncio.sleep(0.05)
        assert received == wanted, received

    async def run():
        async with broker:
            await broker.start()
            for number in range(5):
                await broker.publish(number, stream="orders")
            await everyone_has(list(range(5)))
            await asyncio.to_thread(server.kill_and_start)
            for number in range(5, 10):
                await broker.publish(number, stream="orders")
            await everyone_has(list(range(10)))

    asyncio.run(run())
    assert client.xpending("orders", "group")["pending"] == 0 and client.xpending("left", "group")["pending"] == 0


def rq_worker(_, server):
    """rq's own worker, a process that forks for each job, keeps results in streams."""
    from rq import Queue
    from rq.results import Result
    from tasks import double, fail

    queue = Queue("rq:jobs", connection=redis.Redis(unix_socket_path=SOCKET))
    waiting = [queue.enqueue(double, number) for number in range(3)]
    server.kill_and_start()
    with Worker("-m", "rq.cli", "worker", "--quiet", "--url", URL, "rq:jobs"):
        for number, job in enumerate(waiting):
            assert job.latest_result(timeout=30).return_value == 2 * number
        until(lambda: connect().info("clients")["blocked_clients"] == 1, "the worker waits")
        server.kill_and_start()
        dependency = queue.enqueue(double, 10)
        dependent = queue.enqueue(double, 20, depends_on=dependency)
        failed = queue.enqueue(fail)
        assert dependency.latest_result(timeout=60).return_value == 20
        assert dependent.latest_result(timeout=30).return_value == 40
        assert failed.latest_result(timeout=30).type == Result.Type.FAILED
    assert [job.latest_result().return_value for job in waiting] == [0, 2, 4]


def rq_empty(_, server):
    from rq import Queue
    from tasks import double

    queue = Queue("rq:jobs", connection=redis.Redis(unix_socket_path=SOCKET))
    queue.enqueue(double, 1)
    assert queue.empty() == 1 and len(queue) == 0


def rq_unique(_, server):
    from rq import Queue
    from tasks import double

    queue = Queue("rq:jobs", connection=redis.Redis(unix_socket_path=SOCKET))
    queue.enqueue(double, 1, job_id="one", unique=True)
    assert len(queue) == 1


def taskiq_worker(name, server):
    """taskiq's own worker; tasks that were sent before the server was killed are done after."""
    import brokers

    broker = getattr(brokers, name)

    async def send(numbers):
        return [await broker.find_task("triple").kiq(number) for number in numbers]

    async def check(sent, numbers):
        for task, number in zip(sent, numbers):
            result = await task.wait_result(timeout=30)
            assert not result.is_err and result.return_value == 3 * number

    async def run():
        await broker.startup()
        waiting = await send(range(5))
        await asyncio.to_thread(server.kill_and_start)
        with Worker("-m", "taskiq", "worker", "--workers", "1", "--log-level", "WARNING", f"brokers:{name}") as worker:
            await check(waiting, range(5))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.kill_and_start)
            await check(await send(range(5, 10)), range(5, 10))
        said = "".join(worker.errors)
        assert "ResponseError" not in said, said[-5000:]
        await broker.shutdown()

    asyncio.run(run())


def taskiq_lists(_, server):
    taskiq_worker("lists", server)


def taskiq_streams(client, server):
    taskiq_worker("streams", server)
    assert client.xpending("taskiq:stream", "taskiq")["pending"] == 0


def taskiq_streams_without_scripts(client, server):
    taskiq_worker("streams_without_scripts", server)
    assert client.xpending("taskiq:stream", "taskiq")["pending"] == 0


def socketio(server, library):
    if NODE is None:
        raise Skipped("there is no node here")
    program = subprocess.Popen(
        ["node", os.path.join(os.path.dirname(NODE), "adapter.mjs"), library, SOCKET],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )
    kills = 0
    for line in program.stdout:
        assert line == "kill\n", line
        server.kill_and_start()
        kills += 1
        program.stdin.write("back\n")
        program.stdin.flush()
    errors = program.stderr.read()
    assert program.wait() == 0 and kills == 2, errors[-300:]


def socketio_redis(_, server):
    socketio(server, "redis")


def socketio_ioredis(_, server):
    socketio(server, "ioredis")


SAMPLES = [
    ("streams", group),
    ("streams through kills", group_through_kills),
    ("walrus", walrus),
    ("faststream", faststream),
    ("rq worker", rq_worker),
    ("rq empty", rq_empty),
    ("rq unique", rq_unique),
    ("taskiq lists", taskiq_lists),
    ("taskiq streams", taskiq_streams),
    ("taskiq streams without scripts", taskiq_streams_without_scripts),
    ("socket.io with redis", socketio_redis),
    ("socket.io with ioredis", socketio_ioredis),
]
