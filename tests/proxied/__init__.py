"""The services whose hosts no test can reach: a proxy on loopback that takes their traffic and answers as they do."""
