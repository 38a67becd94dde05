"""``python -m waqtor.transports.simulator``: run the simulator until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from waqtor.errors import StorageFailed, WaqtorError
from waqtor.transports.simulator.contacts import PROFILES
from waqtor.transports.simulator.server import SimulatorServer
from waqtor.transports.simulator.world import World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="waqtor-simulator", description="A simulated WhatsApp behind a unix socket.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--seed", type=int, help="makes delays, receipts and faults repeatable")
    parser.add_argument("--record", type=Path, help="append every accepted call to this file, and read it at start")
    parser.add_argument("--receipts", choices=sorted(PROFILES), default="instant", help="how people receive and read")
    parser.add_argument("--qr", action="store_true", help="sessions must scan a QR code first")
    parser.add_argument("--parent", type=int, metavar="PID", help="stop when this parent process is gone")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    world = World(seed=arguments.seed, record=arguments.record)
    world.habits = PROFILES[arguments.receipts]
    world.qr_mode = arguments.qr
    server = SimulatorServer(world, arguments.socket)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stopping.set)
    await server.start()
    try:
        while not server.stopping.is_set():
            try:
                await asyncio.wait_for(server.stopping.wait(), 0.5)
            except TimeoutError:
                if arguments.parent is not None and os.getppid() != arguments.parent:
                    break
    finally:
        await server.stop()
    if server.failure is not None:
        raise StorageFailed(f"The record of calls cannot be written: {server.failure}")


def main() -> int:
    """Run; returns the exit code."""
    try:
        import uvloop as loops
    except ImportError:  # Windows has none
        asyncio.run(_serve(_arguments()))
        return 0
    loops.run(_serve(_arguments()))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WaqtorError as error:
        sys.stderr.write(f"{error.message}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
