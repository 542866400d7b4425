"""A server whose answers take 5 to 20 ms each: what waits for it, waits for it and not for a processor.

    python3 benches/slow.py PORT
"""

import asyncio
import sys

BODY = b"the same small answer each time\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
LEAST, SPREAD = 0.005, 0.015
GOLDEN = 0.6180339887498949


class Server(asyncio.Protocol):
    """One connection: each request is answered after a time of its own."""

    asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the connection."""
        self.transport = transport
        self.heard = b""

    def data_received(self, data: bytes) -> None:
        """Answers each request that is whole; none of them has a body."""
        *whole, self.heard = (self.heard + data).split(b"\r\n\r\n")
        for _ in whole:
            # The times fill their span evenly and come in no order; the same ones in each run.
            Server.asked += 1
            delay = LEAST + SPREAD * (Server.asked * GOLDEN % 1)
            asyncio.get_running_loop().call_later(delay, self.transport.write, ANSWER)


async def serve(port: int) -> None:
    """Serves until it is ended."""
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
