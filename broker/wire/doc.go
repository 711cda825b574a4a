// Package wire is the Kafka protocol's transport: connections, framing, request headers, the table of served versions and the
// order of answers.
//
// A connection has one reader and one writer. The reader takes a frame, decodes it with kmsg and calls the API's handler on its
// own goroutine, so handlers see a connection's requests in order; a handler that must wait (an append's sync, a long poll)
// returns at once and answers later from any goroutine. Answers leave in request order, as many per writev as are ready.
//
// Memory is bounded: a frame by Options.RequestBytesMax, a connection by Options.InFlightMax requests and by the answers its client
// has not taken yet, and the listener by Options.MemoryMax bytes of requests being read or served. A buffer grows as bytes
// arrive, never by a promise. Before kmsg decodes a request, its lengths and numbers are checked against the bytes that are
// there (requestLayout.scan), by a layout derived from kmsg's own encoder when an API's version is asked for first.
//
// Locks: Conn.mu guards the queue of unanswered requests and is never held while a handler runs or a socket is written.
package wire
