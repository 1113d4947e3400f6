"""What a scrape of a running daemon gives."""

import asyncio
import socket
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def series(text: str) -> dict[str, float]:
    """Each series with its value: `name label=value …` in the order of the labels' names."""
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def fetched(address: str) -> str:
    """What is served at `http://ADDRESS/metrics`."""

    def fetch() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return str(answer.read().decode())

    return await asyncio.to_thread(fetch)
