"""Tests of the data path, over real sockets wherever bytes matter."""
