//! HTTP serving over ureq-proto: own sockets, a library's protocol.
