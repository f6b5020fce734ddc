// Two socket.io servers that share what they send through the streams adapter, with a browser's client at each. The caller
// kills the Redis server when a line "kill" is printed, and writes a line when it is back.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import readline from "node:readline";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import Redis from "ioredis";
import { createClient } from "redis";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const [library, path] = process.argv.slice(2);
const lines = readline.createInterface({ input: process.stdin });

async function connect() {
  if (library === "ioredis") {
    return new Redis(path, { retryStrategy: () => 50 }).on("error", () => {});
  }
  return createClient({ socket: { path, reconnectStrategy: () => 50 } }).on("error", () => {}).connect();
}

async function until(condition, what) {
  for (let tries = 0; tries < 1000; tries++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`never: ${what}`);
}

async function killServer() {
  console.log("kill");
  await once(lines, "line");
}

async function node(name) {
  const redis = await connect();
  const http = createServer().listen(0);
  const server = new Server(http, {
    adapter: createAdapter(redis, { blockTimeInMs: 500, heartbeatInterval: 200 }),
    connectionStateRecovery: { maxDisconnectionDuration: 60000 },
  });
  server.on("connection", (socket) => socket.join("room"));
  server.on("who", (answer) => answer(name));
  const client = io(`http://127.0.0.1:${http.address().port}`, { reconnection: false });
  const received = [];
  client.on("news", (what) => received.push(what));
  client.on("who", (answer) => answer(name));
  await once(client, "connect");
  return { redis, server, client, received };
}

const [left, right] = [await node("left"), await node("right")];

async function everyoneGets(what) {
  for (const { received } of [left, right]) {
    await until(() => received.includes(what), `everyone gets ${what}`);
    assert.equal(received.filter((other) => other === what).length, 1, `${what} once`);
  }
}

async function exchange(round) {
  await until(async () => (await left.server.of("/").adapter.serverCount()) === 2, "two servers");
  await until(async () => (await left.server.fetchSockets()).length === 2, "both sockets");
  left.server.emit("news", `from left ${round}`);
  right.server.to("room").emit("news", `from right ${round}`);
  await everyoneGets(`from left ${round}`);
  await everyoneGets(`from right ${round}`);
  assert.deepEqual((await right.server.timeout(10000).emitWithAck("who")).sort(), ["left", "right"]);
  assert.deepEqual(await left.server.serverSideEmitWithAck("who"), ["right"]);
}

// A client that was away gets what it missed from the stream, also from one that a killed server left.
async function comeBack() {
  const id = left.client.id;
  left.client.io.engine.close();
  await until(async () => (await right.redis.keys("sio:session:*")).length === 1, "a session is kept");
  right.server.emit("news", "missed");
  await until(() => right.received.includes("missed"), "missed is sent");
  await killServer();
  left.client.connect();
  await once(left.client, "connect");
  assert.ok(left.client.recovered, "the session is recovered");
  assert.equal(left.client.id, id);
  await everyoneGets("missed");
}

await exchange("first");
await killServer();
await exchange("second");
await comeBack();
await exchange("third");
process.exit(0);
