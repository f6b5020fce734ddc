"""Samples of what programs do with Redis, each through a library; each checks the results.

If a library cannot finish a sample because ackd lacks a command, `EXPECTED_GAPS` names the command: the sample is tried all the
same, and counts as skipped.
"""

import subprocess
import sys
import threading
import time

import redis

import stream_samples
from server import SOCKET, Server, connect

#: What a library needs that ackd does not have yet: the sample, and the command that is refused.
EXPECTED_GAPS = {
    "lock": "EVALSHA",
    "celery worker": "EVALSHA",
    "rq empty": "EVALSHA",
    "rq unique": "EVALSHA",
    "taskiq streams": "SCRIPT",
}


class Sessions:
    """Sessions of a web site: a hash each, which ends when nobody comes back, and an index by user."""

    LIFETIME_S = 100

    def __init__(self, client):
        self.client = client

    def open(self, session, user, **fields):
        with self.client.pipeline() as pipeline:
            pipeline.hset(f"session:{session}", mapping={"user": user, **fields})
            pipeline.expire(f"session:{session}", self.LIFETIME_S)
            pipeline.sadd(f"sessions:{user}", session)
            pipeline.execute()

    def touch(self, session):
        return bool(self.client.expire(f"session:{session}", self.LIFETIME_S))

    def read(self, session):
        return self.client.hgetall(f"session:{session}")

    def close_all(self, user):
        def close(pipeline):
            names = pipeline.smembers(f"sessions:{user}")
            pipeline.multi()
            for name in names:
                pipeline.delete(f"session:{name}")
            pipeline.delete(f"sessions:{user}")

        return sum(self.client.transaction(close, f"sessions:{user}")) - 1


class Leaderboard:
    """Players by points."""

    def __init__(self, client, name):
        self.client, self.name = client, name

    def score(self, player, points):
        return self.client.zincrby(self.name, points, player)

    def top(self, count):
        return self.client.zrange(self.name, 0, count - 1, desc=True, withscores=True)

    def around(self, player, distance):
        rank = self.client.zrevrank(self.name, player)
        return self.client.zrange(self.name, max(0, rank - distance), rank + distance, desc=True)


def sessions(client):
    store = Sessions(client)
    store.open("a", "ann", theme="dark")
    store.open("b", "ann")
    store.open("c", "bob")
    assert store.read("a") == {"user": "ann", "theme": "dark"}
    assert store.touch("a") and not store.touch("z")
    assert 0 < client.ttl("session:a") <= Sessions.LIFETIME_S
    assert store.close_all("ann") == 2
    assert store.read("a") == {} and store.read("c") == {"user": "bob"}


def leaderboard(client):
    board = Leaderboard(client, "board")
    for number in range(1000):
        board.score(f"player:{number}", number)
    assert board.score("player:0", 5000.5) == 5000.5
    assert board.top(2) == [("player:0", 5000.5), ("player:999", 999.0)]
    assert board.around("player:500", 1) == ["player:501", "player:500", "player:499"]
    assert client.zpopmin("board", 2) == [("player:1", 1.0), ("player:2", 2.0)]


def blocking(client):
    found = []
    waiter = threading.Thread(target=lambda: found.append(connect().bzpopmin(["late", "later"], timeout=20)))
    waiter.start()
    while client.info("clients")["blocked_clients"] == 0:
        time.sleep(0.01)
    client.zadd("later", {"m": 1.5})
    waiter.join()
    assert found == [("later", "m", 1.5)], found
    assert client.bzmpop(0.01, 1, ["none"], min=True) is None
    assert client.blpop("none", timeout=0.01) is None
    client.rpush("jobs", "one", "two")
    assert client.blmove("jobs", "doing", 1, "LEFT", "RIGHT") == "one"
    assert client.lmpop(2, "none", "jobs", direction="LEFT") == ["jobs", ["two"]]


def messages(client):
    client.config_set("notify-keyspace-events", "KEA")
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.psubscribe("__keyevent@0__:*")
    listener.get_message(timeout=1)
    client.hset("h", "f", "v")
    client.hdel("h", "f")
    events = []
    while len(events) < 3:
        message = listener.get_message(timeout=5)
        assert message is not None or not events or len(events) == 3, events
        if message:
            events.append((message["channel"].split(":")[1], message["data"]))
    assert events == [("hset", "h"), ("hdel", "h"), ("del", "h")], events
    listener.close()
    client.config_set("notify-keyspace-events", "")


def optimistic(client):
    """Many clients, one counter: each looks before it writes."""
    client.set("counter", 0)

    def work():
        own = connect()
        for _ in range(50):
            def step(pipeline):
                value = int(pipeline.get("counter"))
                pipeline.multi()
                pipeline.set("counter", value + 1)

            own.transaction(step, "counter")

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert client.get("counter") == "200"


def lock(client):
    with client.lock("lock", timeout=5):
        assert client.exists("lock")


def families(client):
    client.geoadd("places", [13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania"])
    assert client.geosearch("places", longitude=15, latitude=37, radius=100, unit="km") == ["Catania"]
    client.pfadd("seen", *range(1000))
    assert abs(client.pfcount("seen") - 1000) < 50
    assert client.setbit("bits", 7, 1) == 0 and client.bitcount("bits") == 1
    assert client.bitfield("fields").set("u8", 0, 200).incrby("u8", 0, 10).execute() == [0, 210]
    client.rpush("numbers", 3, 1, 2)
    assert client.sort("numbers", desc=True) == ["3", "2", "1"]
    assert sorted(client.scan_iter("num*")) == ["numbers"]
    client.hset("timed", mapping={"a": 1, "b": 2})
    assert client.hexpire("timed", 100, "a") == [1]
    assert client.httl("timed", "a", "b")[1] == -1
    assert dict(client.hscan_iter("timed")) == {"a": "1", "b": "2"}
    assert client.command_getkeys("ZUNIONSTORE", "d", 2, "a", "b") == ["d", "a", "b"]


def protocol_3(_):
    client = connect(protocol=3)
    client.sadd("s", "a", "b")
    assert client.smembers("s") == {"a", "b"}
    client.zadd("z", {"m": 1})
    assert client.zrange("z", 0, -1, withscores=True) == [["m", 1.0]]


def rq_jobs(_):
    from rq import Queue, SimpleWorker
    from tasks import double

    connection = redis.Redis(unix_socket_path=SOCKET)
    queue = Queue("rq:jobs", connection=connection)
    jobs = [queue.enqueue(double, number, result_ttl=100) for number in range(3)]
    assert len(queue) == 3 and jobs[0].get_status() == "queued"
    canceled = queue.enqueue(double, 99)
    canceled.cancel()
    assert canceled.get_status() == "canceled" and len(queue) == 3
    return connection, queue, jobs, SimpleWorker


def rq(client):
    rq_jobs(client)


def rq_results(client):
    client.flushdb()
    connection, queue, jobs, worker = rq_jobs(client)
    worker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")
    for number, job in enumerate(jobs):
        job.refresh()
        if job.is_failed:
            raise AssertionError(job.exc_info)
        assert job.return_value() == 2 * number


def celery_messages(client):
    """Tasks as messages that are taken, acknowledged and answered, without a worker's event loop."""
    from tasks import add, app

    results = [add.delay(number, 1) for number in range(20)]
    with app.connection() as connection:
        queue = connection.SimpleQueue("celery:jobs")
        assert queue.qsize() == 20
        for _ in results:
            message = queue.get(timeout=10)
            arguments = message.decode()[0]
            app.backend.store_result(message.headers["id"], add(*arguments), "SUCCESS")
            message.ack()
        assert not client.exists("celery:jobs")
        queue.close()
    assert [result.get(timeout=10) for result in results] == list(range(1, 21))


def celery_worker(_):
    from tasks import add

    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--pool", "solo", "--loglevel", "ERROR"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        result = add.delay(1, 2).get(timeout=20)
    except Exception as error:
        worker.terminate()
        raise RuntimeError(worker.communicate(timeout=30)[1][-300:]) from error
    worker.terminate()
    worker.communicate(timeout=30)
    assert result == 3


SAMPLES = [
    ("sessions", sessions),
    ("leaderboard", leaderboard),
    ("blocking", blocking),
    ("messages", messages),
    ("optimistic", optimistic),
    ("families", families),
    ("protocol 3", protocol_3),
    ("lock", lock),
    ("rq", rq),
    ("rq results", rq_results),
    ("celery messages", celery_messages),
    ("celery worker", celery_worker),
]


def without_server(sample):
    return lambda client, _: sample(client)


def all_samples():
    return [(name, without_server(sample)) for name, sample in SAMPLES] + stream_samples.SAMPLES


def outcome(name, sample, server):
    """`ok`, or why not; a sample that needs what ackd lacks is tried all the same."""
    gap = EXPECTED_GAPS.get(name)
    client = connect()
    client.flushall()
    try:
        sample(client, server)
    except stream_samples.Skipped as reason:
        return "skipped", str(reason)
    except Exception as error:
        if gap is not None and gap.lower() in str(error).lower():
            return "skipped", f"it needs {gap}, which the server does not have"
        return "failed", f"{type(error).__name__}: {str(error)[-300:]}"
    if gap is not None:
        return "failed", f"it works, although {gap} is listed as missing"
    return "passed", ""


def main():
    chosen = sys.argv[2:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    server = Server(sys.argv[1])
    server.start()
    try:
        for name, sample in all_samples():
            if chosen and name not in chosen:
                continue
            result, reason = outcome(name, sample, server)
            counts[result] += 1
            print(f"{name}: {result}{': ' if reason else ''}{reason}", flush=True)
    finally:
        server.stop()
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return counts["failed"] != 0


if __name__ == "__main__":
    sys.exit(main())
