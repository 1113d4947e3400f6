"""The simulated backend: a second, separate reading of the protocol. It shares no parsing code with the client."""
