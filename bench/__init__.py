"""The benchmark behind `make bench`: the program beside a bare loop and nvchecker, on one loopback registry."""
