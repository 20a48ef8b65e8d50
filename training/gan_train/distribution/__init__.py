"""Several devices and several machines: strategies, how workers meet, and how they stop together."""
