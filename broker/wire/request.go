package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// apiVersionsKey is the one API whose response header is never flexible, and whose unknown versions are answered (KIP-511).
const apiVersionsKey = 18

// produceKey is the API whose requests are read into pooled memory.
const produceKey = 0

// header is a request header of version 1 or 2.
type header struct {
	key, version  int16
	correlationID int32
	clientID      string
}

// fixedHeaderBytes are the key, version and correlation id every request begins with.
const fixedHeaderBytes = 8

var errHeaderShort = errors.New("request header is cut short")

// parseHeader reads a request header and returns what follows. flexible tells of a (key, version) whether its header carries tags.
func parseHeader(frame []byte, flexible func(key, version int16) bool) (h header, body []byte, err error) {
	if len(frame) < fixedHeaderBytes {
		return h, nil, errHeaderShort
	}
	h.key = int16(binary.BigEndian.Uint16(frame))
	h.version = int16(binary.BigEndian.Uint16(frame[2:]))
	h.correlationID = int32(binary.BigEndian.Uint32(frame[4:]))
	body = frame[fixedHeaderBytes:]
	if len(body) < 2 {
		return h, nil, errHeaderShort
	}
	n := int(int16(binary.BigEndian.Uint16(body)))
	body = body[2:]
	if n > len(body) || n < -1 {
		return h, nil, fmt.Errorf("client id of %d bytes: %w", n, errHeaderShort)
	}
	if n > 0 {
		h.clientID = string(body[:n])
		body = body[n:]
	}
	if flexible(h.key, h.version) {
		if body, err = skipTags(body); err != nil {
			return h, nil, err
		}
	}
	return h, body, nil
}

// skipTags steps over tagged fields: a count, then number, size and bytes of each.
func skipTags(b []byte) ([]byte, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > uint64(len(b)-n)/2 {
		return nil, errHeaderShort
	}
	b = b[n:]
	for ; count > 0; count-- {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errHeaderShort
		}
		b = b[n:]
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, errHeaderShort
		}
		b = b[n+int(size):]
	}
	return b, nil
}

// Request is one request of a connection. Its Body's byte slices alias the request's memory until the answer was given;
// only Produce bodies live in memory that is reused, other slices may be kept.
type Request struct {
	Conn          *Conn
	Key, Version  int16
	CorrelationID int32
	ClientID      string
	Body          kmsg.Request
	// Received is when the whole frame was there.
	Received time.Time

	api    *apiMetrics
	buffer *Buffer
	// throttle is told with the answer; charged requests count for quotas. began is when serving began, in nanoseconds since 1970, or,
	// negative, how long it took.
	throttle time.Duration
	charged  bool
	began    atomic.Int64
	// guarded by Conn.mu
	state  requestState
	frame  *Frame
	closes bool // Abort: the connection ends where this answer would stand
}

type requestState int8

const (
	waiting   requestState = iota
	answered               // frame is set, or nil for no answer
	abandoned              // the connection broke first; the answer is freed when it comes
)

// Reply answers with a kmsg response, whose version it sets.
func (r *Request) Reply(resp kmsg.Response) {
	resp.SetVersion(r.Version)
	r.settle()
	r.tell(resp)
	r.send(kmsgEncoder{resp})
}

// ReplyWith answers with a body that encodes itself in the request's version.
func (r *Request) ReplyWith(body Encoder) {
	r.settle()
	r.send(body)
}

func (r *Request) send(body Encoder) {
	f := newFrame(r.CorrelationID, r.Body.IsFlexible() && r.Key != apiVersionsKey)
	at := len(f.Bytes)
	body.EncodeTo(f)
	if r.throttle > 0 && r.Key == fetchKey { // its answer begins with the throttle time
		binary.BigEndian.PutUint32(f.Bytes[at:], uint32(r.throttleMillis()))
	}
	f.finish()
	r.Conn.mute(r.throttle)
	r.Conn.answer(r, f)
}

// ReplyNothing ends a request that has no answer (Produce with acks=0).
func (r *Request) ReplyNothing() {
	r.settle()
	r.Conn.mute(r.throttle)
	r.Conn.answer(r, nil)
}

// Abort closes the connection: the way Kafka refuses what it has no answer for. The reason is logged.
func (r *Request) Abort(reason error) {
	r.Conn.abort(r, fmt.Errorf("%s v%d: %w", kmsg.NameForKey(r.Key), r.Version, reason))
}

// ReplyAndClose answers with a kmsg response after a short delay and closes the connection then: the way a failed authentication ends. It must be called on
// the connection's reader. The reason is logged.
func (r *Request) ReplyAndClose(ctx context.Context, resp kmsg.Response, reason error) {
	r.Conn.failDelay(ctx)
	r.Reply(resp)
	r.Conn.end(fmt.Errorf("%s v%d: %w", kmsg.NameForKey(r.Key), r.Version, reason))
}

// Buffer is the memory the body aliases; Retain it to keep record bytes beyond the answer. nil when the memory isn't reused.
func (r *Request) Buffer() *Buffer { return r.buffer }
