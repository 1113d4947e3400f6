"""The weather on the appliance's link: what `tc netem` in the guest does to eth1, in both directions."""

from dataclasses import dataclass

_OUT, _IN = "eth1", "ifb0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Each figure holds for each direction by itself: `delay_ms=100` adds 200 ms to a round trip.

    `loss_percent=100` is a dead spot: everything vanishes and nobody is told. `down` pulls the cable: the kernel sees
    the carrier go.
    """

    delay_ms: float = 0
    jitter_ms: float = 0
    """Each packet's delay varies by so much (normal distribution); packets keep their order, as on a mobile network."""
    loss_percent: float = 0
    rate_kbit: float = 0
    """0 is no limit."""
    down: bool = False

    def commands(self) -> str:
        """A command line for the guest that makes this weather out of any other."""
        gone = "2>/dev/null"
        clear = f"tc qdisc del dev {_OUT} root {gone}; tc qdisc del dev {_OUT} ingress {gone}; ip link set {_IN} down"
        netem = self._netem()
        if not netem:
            return f"{clear}; true"
        redirect = f"tc filter add dev {_OUT} parent ffff: matchall action mirred egress redirect dev {_IN}"
        return (
            f"{clear}; set -e; ip link set {_IN} up; tc qdisc replace dev {_IN} root netem {netem};"
            f" tc qdisc add dev {_OUT} ingress; {redirect}; tc qdisc add dev {_OUT} root netem {netem}"
        )

    def _netem(self) -> str:
        rate_kbit = self.rate_kbit
        words = []
        if self.delay_ms or self.jitter_ms:
            words.append(f"delay {self.delay_ms}ms {self.jitter_ms}ms" + " distribution normal" * bool(self.jitter_ms))
            rate_kbit = rate_kbit or 1_000_000  # with a rate, and only then, netem keeps the packets in order
        if self.loss_percent:
            words.append(f"loss {self.loss_percent}%")
        if rate_kbit:
            words.append(f"rate {rate_kbit}kbit")
        if self.rate_kbit:
            words.append(f"limit {max(10, round(self.rate_kbit * 1000 / 8 / 1500))}")  # a second's worth of packets
        return " ".join(words)
