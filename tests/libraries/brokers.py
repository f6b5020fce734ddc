"""taskiq's brokers, for its worker and for who sends it tasks."""

import redis.asyncio.client
from redis.asyncio.lock import Lock
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend, RedisStreamBroker

from server import URL


class TransactionLock(Lock):
    """The broker takes its lock and gives it back in one transaction, so nobody else can hold it: `DEL` will do."""

    async def do_release(self, expected_token):
        await self.redis.delete(self.name)

    def register_scripts(self):
        pass


class StreamBrokerWithoutScripts(RedisStreamBroker):
    async def startup(self):
        redis.asyncio.client.Lock = TransactionLock
        await super().startup()


def broker(kind, queue, **options):
    made = kind(URL, queue_name=queue, **options).with_result_backend(RedisAsyncResultBackend(URL))
    made.register_task(triple, task_name="triple")
    return made


def triple(number):
    return 3 * number


lists = broker(ListQueueBroker, "taskiq:list")
streams = broker(RedisStreamBroker, "taskiq:stream", consumer_id="0")
streams_without_scripts = broker(StreamBrokerWithoutScripts, "taskiq:stream", consumer_id="0")
