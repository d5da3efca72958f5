"""What perf/peers.py and perf/regress.py share, and the engines that weft is compared with."""
