"""A far endpoint that speaks OpenAI's protocol and streams numbers for ever: `python side_far.py WORDS_A_SECOND`.

It prints its port, then a line for every question.
"""

import asyncio
import json
import sys


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pause: float) -> None:
    length = 0
    while line := (await reader.readline()).strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    print("asked", flush=True)
    number = 0
    try:
        while True:
            number += 1
            words = "\n\n" if number % 40 == 0 else f"{number} "
            choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
            writer.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(pause)
    except ConnectionError:
        writer.close()


async def main() -> None:
    pause = 1 / float(sys.argv[1])
    server = await asyncio.start_server(lambda reader, writer: answer(reader, writer, pause), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
