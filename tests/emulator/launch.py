"""Runs the AWS emulator (MiniStack, the version in requirements.txt) for tests and local deployments.

It listens on loopback only and says `ready URL` on its standard output once it answers. Commands come by standard input, a
line each, and each is answered by a line; the end of that input ends the emulator, so that none outlives its test:

    advance MILLIS   moves the emulator's clock on, fires the schedules that are due, says `now MILLIS`
    shuffle SEED     from now on standard queues deliver in any order and now and then twice, as SQS may; says `shuffled`

`--clock MILLIS` starts the clock there (milliseconds since 1970) and lets it stand still between `advance`s; without it the
clock runs. Only what SQS, Scheduler, EventBridge and DynamoDB see is moved: waiting for a message takes real time.
"""

import argparse
import asyncio
import os
import random
import socket
import socketserver
import sys
import threading
import time

# A waiting receive looks this often, in seconds.
RECEIVE_POLL = 0.01
# Schedules are looked at this often, in seconds; the emulator's own 10 s would be most of a test.
SCHEDULE_TICK = 0.5
# How often a shuffled queue leaves a delivered message visible, so that it comes again at once.
DUPLICATE_SHARE = 0.15


class Clock:
    """Stands in for the module `time` inside the emulator's services."""

    def __init__(self, start_ms):
        self._stands_at = None if start_ms is None else start_ms / 1000
        self._offset = 0.0

    def time(self):
        base = time.time() if self._stands_at is None else self._stands_at
        return base + self._offset

    def advance(self, millis):
        self._offset += millis / 1000

    def __getattr__(self, name):
        return getattr(time, name)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 = any free one")
    parser.add_argument("--clock", type=int, default=None, help="start of a clock that stands still, in ms since 1970")
    parser.add_argument("--stay", action="store_true", help="do not end with the standard input")
    return parser.parse_args()


def listen(port):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


def set_environment(port):
    """The emulator reads these when its modules are imported, and hands them on to Lambda processes."""
    os.environ.update(
        IOT_MTLS_ENABLED="0",  # would listen on every interface
        SFTP_ENABLED="0",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
    )
    os.environ.setdefault("LOG_LEVEL", "ERROR")


def mend_latency():
    """Takes out two waits: Nagle's algorithm in the Runtime API, and a pause for a first line of a Lambda's log."""
    import inspect

    import ministack.core.lambda_runtime as runtime

    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    for thing in vars(runtime).values():
        drain = getattr(thing, "_drain_stderr_bounded", None) if inspect.isclass(thing) else None
        if drain and drain.__defaults__:
            drain.__defaults__ = tuple(0.002 if value == 0.05 else value for value in drain.__defaults__)


def mend_time(clock):
    """Gives the services the clock, and lets a receive wait by real time even where the clock stands still."""
    import ministack.services.dynamodb as dynamodb
    import ministack.services.eventbridge as eventbridge
    import ministack.services.scheduler as scheduler
    import ministack.services.sqs as sqs

    for module in (dynamodb, eventbridge, scheduler, sqs):
        module.time = clock
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULE_TICK

    receive_at_once = sqs._act_receive_message

    async def receive(data, queue_url):
        wait = data.get("WaitTimeSeconds")
        if wait is None:
            wait = sqs._get_q(data.get("QueueUrl", queue_url))["attributes"].get("ReceiveMessageWaitTimeSeconds", 0)
        deadline = time.monotonic() + int(wait)
        while True:
            received = await receive_at_once({**data, "WaitTimeSeconds": 0}, queue_url)
            if received or time.monotonic() >= deadline:
                return received
            await asyncio.sleep(RECEIVE_POLL)

    sqs._HANDLERS["ReceiveMessage"] = receive


def shuffle(seed):
    """What SQS allows itself with standard queues and the emulator never does."""
    import ministack.services.sqs as sqs

    chance = random.Random(seed)
    collect_in_order = sqs._collect_msgs

    def collect(queue, limit, visibility):
        if not queue["is_fifo"]:
            chance.shuffle(queue["messages"])
        collected = collect_in_order(queue, limit, visibility)
        for message in collected:
            if chance.random() < DUPLICATE_SHARE:
                message["visible_at"] = sqs.time.time()
        return collected

    sqs._collect_msgs = collect


def obey(clock, stay):
    """Follows the commands until there are no more."""
    import ministack.services.scheduler as scheduler

    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "advance":
            clock.advance(int(argument))
            scheduler._tick_schedules()
            answer = f"now {round(clock.time() * 1000)}"
        elif command == "shuffle":
            shuffle(int(argument))
            answer = "shuffled"
        else:
            answer = f"no such command: {command}"
        print(answer, flush=True)
    if not stay:
        # Nothing here is worth a clean end, and Lambda processes end with their Runtime API.
        os._exit(0)


def serve(listener, port):
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack.app import app

    async def announcing(scope, receive, send):
        async def tell(message):
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                print(f"ready http://127.0.0.1:{port}", flush=True)

        await app(scope, receive, tell if scope["type"] == "lifespan" else send)

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.loglevel = os.environ["LOG_LEVEL"]
    asyncio.run(hypercorn_serve(announcing, config))


def main():
    options = arguments()
    listener = listen(options.port)
    port = listener.getsockname()[1]
    set_environment(port)
    clock = Clock(options.clock)
    mend_latency()
    mend_time(clock)
    threading.Thread(target=obey, args=(clock, options.stay), daemon=True).start()
    serve(listener, port)


if __name__ == "__main__":
    main()
