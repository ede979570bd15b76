"""The demo: one story, told on a host of the lab, in which everything happens that usually takes addresses away."""
