# Side by side with the peers: make bench.
