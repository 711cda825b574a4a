package pgwire

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// Limits of the protocol's framing.
const (
	startupBytesMax   = 10_000 // MAX_STARTUP_PACKET_LENGTH of PostgreSQL; also the limit before a session exists
	headerBytes       = 5      // type and length
	readBufferBytes   = 8 << 10
	readBufferKeepMax = 1 << 20 // a larger buffer is let go when it is empty
)

// reader frames messages. It never believes a length: the buffer grows with the bytes that really come, up to the limit.
type reader struct {
	conn   net.Conn
	buf    []byte
	r, w   int          // buf[r:w] is read and not consumed
	limit  int          // of a message's body
	before func() error // called before every read that may block: replies go out
}

func newReader(conn net.Conn, before func() error) *reader {
	return &reader{conn: conn, buf: make([]byte, readBufferBytes), limit: startupBytesMax, before: before}
}

// startup reads a packet without a type: the first of a connection. The body is valid until the next call.
func (r *reader) startup() ([]byte, error) {
	head, err := r.next(4)
	if err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head)) - 4
	if n < 4 || n > startupBytesMax {
		return nil, violation("invalid length of startup packet")
	}
	return r.body(int(n))
}

// message reads the next message. The body is valid until the next call.
func (r *reader) message() (kind byte, body []byte, err error) {
	head, err := r.next(headerBytes)
	if err != nil {
		return 0, nil, err
	}
	kind = head[0]
	n := int64(binary.BigEndian.Uint32(head[1:])) - 4
	switch {
	case n < 0:
		return 0, nil, violation("invalid message length")
	case n > int64(r.limit):
		return 0, nil, sqlerr.Newf(sqlerr.ProgramLimitExceeded, 0, "message of %d bytes is longer than the %d bytes allowed", n, r.limit).
			WithHint("send large data in several statements, or raise --max-message-bytes")
	}
	body, err = r.body(int(n))
	return kind, body, err
}

// body reads what a header promised: an end of the stream is now an accident.
func (r *reader) body(n int) ([]byte, error) {
	b, err := r.next(n)
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	return b, err
}

// next consumes n bytes.
func (r *reader) next(n int) ([]byte, error) {
	for r.w-r.r < n {
		if err := r.fill(n); err != nil {
			return nil, err
		}
	}
	b := r.buf[r.r : r.r+n : r.r+n]
	r.r += n
	return b, nil
}

// fill reads once more, on the way to n unconsumed bytes.
func (r *reader) fill(n int) error {
	if err := r.before(); err != nil {
		return err
	}
	r.room(n)
	got, err := r.conn.Read(r.buf[r.w:])
	r.w += got
	if got > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) && r.w > r.r {
		return io.ErrUnexpectedEOF
	}
	return err
}

// room makes space behind w: by moving what is left to the front, by doubling when that is not enough.
func (r *reader) room(n int) {
	switch {
	case r.r == r.w:
		r.r, r.w = 0, 0
		if len(r.buf) > readBufferKeepMax && n <= readBufferKeepMax {
			r.buf = make([]byte, readBufferBytes)
		}
	case r.w == len(r.buf) && r.r > 0, r.r+n > len(r.buf) && r.r > 0:
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w == len(r.buf) {
		grown := make([]byte, 2*len(r.buf))
		copy(grown, r.buf[:r.w])
		r.buf = grown
	}
}

// buffered tells whether bytes wait to be consumed.
func (r *reader) buffered() bool { return r.w > r.r }

func violation(message string) *sqlerr.Error {
	return sqlerr.Newf(sqlerr.ProtocolViolation, 0, "%s", message)
}
