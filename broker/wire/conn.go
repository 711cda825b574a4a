package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
)

const (
	// readBufferBytes lets small requests arrive several to a read; larger ones are read past it.
	readBufferBytes = 8 << 10
	// growBytes is how much memory a frame gets at a time while its bytes arrive.
	growBytes = 1 << 20
	// largeFrame is the size above which a request can't take the last of the memory for requests.
	largeFrame = 64 << 10
	// owedMax is how many bytes of answers may wait for a slow client before its next request is read.
	owedMax = 16 << 20
)

// Conn is a client's connection.
type Conn struct {
	l   *Listener
	nc  net.Conn
	in  *bufio.Reader
	log *slog.Logger

	endpoint *Endpoint
	opened   time.Time
	// caller is set before any request but those that authenticate is served, and never again.
	caller auth.Caller
	// session and bareTokens belong to the reader; session is nil where there is no SASL.
	session    *auth.Session
	bareTokens bool

	mutedUntil muted

	// slots holds one token per unanswered request.
	slots chan struct{}
	// ready wakes the writer, room the reader; each holds at most one wake-up.
	ready, room chan struct{}

	mu      sync.Mutex // guards what follows
	queue   []*Request // unanswered or unsent, in order of arrival
	eof     bool       // nothing more will be queued
	broken  bool       // answers are thrown away
	refusal error
	owed    int // bytes of answers not sent yet
}

func newConn(l *Listener, nc net.Conn, endpoint *Endpoint) *Conn {
	remote := nc.RemoteAddr().String()
	if endpoint.TLS != nil {
		nc = tls.Server(nc, endpoint.TLS)
	}
	c := &Conn{
		l: l, nc: nc, in: bufio.NewReaderSize(nc, readBufferBytes), endpoint: endpoint, opened: time.Now(),
		caller: auth.Caller{Principal: auth.Anonymous, Host: auth.HostOf(remote)},
		log:    l.log.With("client", remote),
		slots:  make(chan struct{}, l.opts.InFlightMax), ready: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
	if endpoint.SASL != nil {
		c.session = auth.NewSession(endpoint.SASL, endpoint.MaxReauth)
	}
	return c
}

// LocalAddr is the address the client reached us at.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr is the client's address.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// serve runs the connection to its end.
func (c *Conn) serve(ctx context.Context) {
	// The requests' context ends when reading ends, so that parked ones answer early while draining.
	reqCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopReading := context.AfterFunc(ctx, c.stopReading)
	defer stopReading()
	if err := c.secure(ctx); err != nil {
		c.hangUp()
		c.logEnd(err, ctx.Err() != nil)
		return
	}

	var writer sync.WaitGroup
	writer.Go(c.write)
	err := c.read(reqCtx)
	cancel()
	draining := ctx.Err() != nil
	// What is owed is still sent, to a client that closed only its own side too, but not for ever.
	give := time.AfterFunc(c.l.opts.DrainTimeout, c.breakOff)
	defer give.Stop()
	c.mu.Lock()
	c.eof = true
	c.mu.Unlock()
	c.wake()
	writer.Wait()
	c.hangUp()
	c.logEnd(err, draining)
}

// stopReading makes the reader give up. A socket that refuses the deadline is closed already, which does the same.
func (c *Conn) stopReading() { _ = c.nc.SetReadDeadline(time.Now()) }

// hangUp closes the socket; there is nobody left to tell that this failed.
func (c *Conn) hangUp() { _ = c.nc.Close() }

// breakOff gives up on the socket: whatever is still owed is thrown away.
func (c *Conn) breakOff() {
	c.mu.Lock()
	c.broken = true
	c.mu.Unlock()
	c.hangUp()
	c.wake()
}

func (c *Conn) wake() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

func (c *Conn) logEnd(err error, draining bool) {
	c.mu.Lock()
	if c.refusal != nil {
		err = c.refusal
	}
	c.mu.Unlock()
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		c.l.metrics.refused.Inc()
		c.log.Warn("connection refused", "err", err)
	case err == nil || draining || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
		c.log.Debug("connection closed")
	default:
		c.log.Debug("connection lost", "err", err)
	}
}

// refusedError is the reason a connection was closed by us.
type refusedError struct{ cause error }

func (e *refusedError) Error() string { return e.cause.Error() }
func (e *refusedError) Unwrap() error { return e.cause }

func refusef(format string, args ...any) error {
	return &refusedError{cause: fmt.Errorf(format, args...)}
}

// abort ends the connection where the answer of req would stand; the first reason counts.
func (c *Conn) abort(req *Request, reason error) {
	c.mu.Lock()
	if c.refusal == nil {
		c.refusal = &refusedError{cause: reason}
	}
	if req.state == waiting {
		req.closes = true
	}
	c.mu.Unlock()
	c.stopReading()
	c.answer(req, nil)
}

// end closes the connection after what was answered so far.
func (c *Conn) end(reason error) {
	c.mu.Lock()
	if c.refusal == nil {
		c.refusal = &refusedError{cause: reason}
	}
	c.mu.Unlock()
	c.stopReading()
}

// read takes requests off the socket until it ends, is refused or ctx ends.
func (c *Conn) read(ctx context.Context) error {
	for {
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.awaitRoom(ctx); err != nil {
			return err
		}
		if err := c.awaitUnmuted(ctx); err != nil {
			return err
		}
		frame, buffer, err := c.readFrame(ctx)
		if err != nil {
			return err
		}
		if c.bareTokens {
			c.token(ctx, frame, buffer)
			continue
		}
		// An answer given since the frame began may have muted the connection.
		if err := c.awaitUnmuted(ctx); err != nil {
			buffer.Release()
			return err
		}
		if err := c.dispatch(ctx, frame, buffer); err != nil {
			return err
		}
	}
}

// awaitRoom waits while a client doesn't take the answers it asked for.
func (c *Conn) awaitRoom(ctx context.Context) error {
	for {
		c.mu.Lock()
		full := !c.broken && (c.owed > owedMax || c.owed > 0 && c.l.crowded())
		c.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-c.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readFrame reads one frame without its length. Produce requests come in pooled memory, others in memory of their own.
func (c *Conn) readFrame(ctx context.Context) ([]byte, *Buffer, error) {
	if err := c.deadline(ctx, c.l.opts.IdleTimeout); err != nil {
		return nil, nil, err
	}
	var prefix [sizeBytes]byte
	if _, err := io.ReadFull(c.in, prefix[:]); err != nil {
		return nil, nil, c.slow(err)
	}
	if err := checkForeign(prefix); err != nil {
		return nil, nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(prefix[:])))
	if least, most := c.frameSizes(); size < least || size > most {
		return nil, nil, refusef("frame of %d bytes: between %d and %d are allowed", size, least, most)
	}
	if err := c.deadline(ctx, c.l.opts.FrameTimeout); err != nil {
		return nil, nil, err
	}
	pooled, err := c.isProduce()
	if err != nil {
		return nil, nil, torn(err, size)
	}
	if !pooled && size > c.l.opts.ControlBytesMax {
		return nil, nil, refusef("frame of %d bytes: only Produce requests may have more than %d", size, c.l.opts.ControlBytesMax)
	}
	buffer, err := c.fill(ctx, size, pooled)
	if err != nil {
		return nil, nil, torn(err, size)
	}
	c.l.metrics.bytesIn.Add(float64(size + sizeBytes))
	return buffer.bytes[:size], buffer, nil
}

// frameSizes are the smallest and largest frame that are read now.
func (c *Conn) frameSizes() (least, most int) {
	switch {
	case c.bareTokens:
		return 0, c.l.opts.AuthBytesMax
	case c.authenticating():
		return fixedHeaderBytes, c.l.opts.AuthBytesMax
	}
	return fixedHeaderBytes, c.l.opts.RequestBytesMax
}

// isProduce looks at the API key of the frame that begins.
func (c *Conn) isProduce() (bool, error) {
	if c.bareTokens {
		return false, nil
	}
	start, err := c.in.Peek(2)
	return err == nil && binary.BigEndian.Uint16(start) == produceKey, err
}

// deadline sets when reading gives up; it yields to a stop or refusal that came before.
func (c *Conn) deadline(ctx context.Context, after time.Duration) error {
	if err := c.nc.SetReadDeadline(c.authDeadline(time.Now().Add(after))); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusal
}

func torn(err error, size int) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return refusef("connection ended within a frame of %d bytes", size)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return refusef("frame of %d bytes did not arrive in time", size)
	}
	return err
}

// fill reads size bytes. Up to growBytes are taken at once; beyond, memory follows the bytes that really arrive.
func (c *Conn) fill(ctx context.Context, size int, pooled bool) (*Buffer, error) {
	b := &Buffer{budget: c.l.budget, large: size > largeFrame}
	b.refs.Store(1)
	have := 0
	for room := min(size, growBytes); ; room = min(size, 2*room) {
		if err := c.l.budget.take(ctx, int64(room)-b.weight, b.large, c.l.opts.FrameTimeout); err != nil {
			b.Release()
			return nil, err
		}
		b.weight = int64(room)
		if len(b.bytes) < room {
			grown := c.newBuffer(room, pooled)
			copy(grown.bytes, b.bytes[:have])
			grown.budget, grown.weight, grown.large = b.budget, b.weight, b.large
			b.budget, b.weight = nil, 0
			b.Release()
			b = grown
		}
		if _, err := io.ReadFull(c.in, b.bytes[have:room]); err != nil {
			b.Release()
			return nil, err
		}
		if have = room; have == size {
			return b, nil
		}
	}
}

func (c *Conn) newBuffer(n int, pooled bool) *Buffer {
	if pooled {
		return c.l.buffers.get(n)
	}
	b := &Buffer{bytes: make([]byte, n)}
	b.refs.Store(1)
	return b
}

// checkForeign recognises the first bytes of other protocols in place of a length.
func checkForeign(prefix [sizeBytes]byte) error {
	switch string(prefix[:]) {
	case "GET ", "POST", "PUT ", "HEAD", "HTTP", "OPTI", "DELE":
		return refusef("this is the Kafka port, but the client speaks HTTP")
	}
	if prefix[0] == 0x16 && prefix[1] == 0x03 {
		return refusef("this is a plaintext Kafka port, but the client speaks TLS")
	}
	return nil
}

// dispatch decodes a frame, queues its request and runs its handler.
func (c *Conn) dispatch(ctx context.Context, frame []byte, buffer *Buffer) error {
	h, body, err := parseHeader(frame, flexibleHeader)
	if err != nil {
		buffer.Release()
		return refusef("%w", err)
	}
	if err := c.admit(h.key); err != nil {
		buffer.Release()
		return err
	}
	req := &Request{
		Conn: c, Key: h.key, Version: h.version, CorrelationID: h.correlationID, ClientID: h.clientID,
		Received: time.Now(), buffer: buffer, api: c.l.metrics.apis[h.key],
	}
	row, known := c.l.versions.lookup(h.key, h.version)
	if row == nil {
		if h.key == apiVersionsKey && known {
			c.enqueue(req)
			c.answerUnsupportedApiVersions(req)
			return nil
		}
		buffer.Release()
		return refusef("API key %d (%s) version %d of client %q is not served", h.key, kmsg.NameForKey(h.key), h.version, h.clientID)
	}
	req.Body = kmsg.RequestForKey(h.key)
	req.Body.SetVersion(h.version)
	if err := c.decode(ctx, req, body); err != nil {
		buffer.Release()
		return err
	}
	req.charge(len(frame))
	c.enqueue(req)
	c.run(ctx, row, req)
	req.served()
	return nil
}

// flexibleHeader tells whether the request header of (key, version) carries tags. Unknown keys have none to speak of.
func flexibleHeader(key, version int16) bool {
	r := kmsg.RequestForKey(key)
	if r == nil {
		return false
	}
	r.SetVersion(version)
	return r.IsFlexible()
}

// run calls the handler; a panic costs its connection, not the process.
func (c *Conn) run(ctx context.Context, row *API, req *Request) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("request handler panicked", "api", kmsg.NameForKey(req.Key), "version", req.Version,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			req.Abort(fmt.Errorf("internal error: %v", p))
		}
	}()
	row.Serve(ctx, req)
}

// answerUnsupportedApiVersions says in the layout every client reads, version 0, which versions of ApiVersions are served (KIP-511).
func (c *Conn) answerUnsupportedApiVersions(req *Request) {
	row := c.l.versions.byKey[apiVersionsKey]
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: row.Key, MinVersion: row.Min, MaxVersion: row.Max}}
	f := newFrame(req.CorrelationID, false)
	f.Bytes = resp.AppendTo(f.Bytes)
	f.finish()
	c.answer(req, f)
}

func (c *Conn) enqueue(req *Request) {
	c.mu.Lock()
	c.queue = append(c.queue, req)
	c.mu.Unlock()
}

// answer records a request's answer and wakes the writer when it is the next to go. A second answer is thrown away.
func (c *Conn) answer(req *Request, f *Frame) {
	if f != nil {
		c.l.owe(f.weight())
	}
	c.mu.Lock()
	before := req.state
	if before == waiting && f != nil {
		req.frame = f
		c.owed += f.weight()
	}
	req.state = answered
	next := before == waiting && len(c.queue) > 0 && c.queue[0] == req
	buffer := req.buffer
	req.buffer = nil
	c.mu.Unlock()
	if before != waiting && f != nil {
		c.l.owe(-f.weight())
		f.release()
	}
	if buffer != nil {
		req.api.done(req.Received)
		buffer.Release()
	}
	if next {
		c.wake()
	}
}

// write sends answers in order until the queue has ended and is empty, or the socket fails.
func (c *Conn) write() {
	batch := make([]*Request, 0, writeBatchMax)
	out := newSender(c)
	for range c.ready {
		for {
			var end queueEnd
			batch, end = c.take(batch[:0])
			if len(batch) > 0 {
				c.send(batch, out, end == queueBroken)
				continue
			}
			if end == queueOpen {
				break
			}
			if end == queueBroken {
				c.hangUp()
			}
			if c.drained() {
				return
			}
			break
		}
	}
}

// queueEnd says whether more answers may come.
type queueEnd int8

const (
	queueOpen   queueEnd = iota
	queueEnded           // nothing more is read and all is taken
	queueBroken          // nothing more is sent
)

// drained tells whether the reader has ended, so that no request can be queued any more.
func (c *Conn) drained() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.eof && len(c.queue) == 0
}

// take removes the answered head of the queue, or everything once the connection is broken. Requests still being served then
// are abandoned: their answer is freed when it comes.
func (c *Conn) take(batch []*Request) ([]*Request, queueEnd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for ; n < len(c.queue) && n < cap(batch); n++ {
		req := c.queue[n]
		if req.closes && n == 0 {
			c.broken = true
		}
		if !c.broken && (req.state == waiting || req.closes) {
			break
		}
		if req.state == waiting {
			req.state = abandoned
		}
		batch = append(batch, req)
	}
	rest := copy(c.queue, c.queue[n:])
	clear(c.queue[rest:])
	c.queue = c.queue[:rest]
	switch {
	case c.broken:
		return batch, queueBroken
	case c.eof && rest == 0:
		return batch, queueEnded
	}
	return batch, queueOpen
}

// sent makes room for more answers.
func (c *Conn) sent(bytes int) {
	c.mu.Lock()
	c.owed -= bytes
	c.mu.Unlock()
	c.l.owe(-bytes)
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// send writes a batch of answers and frees them.
func (c *Conn) send(batch []*Request, out *sender, broken bool) {
	total, weight := 0, 0
	for _, req := range batch {
		if req.frame != nil {
			total += req.frame.Len()
			weight += req.frame.weight()
		}
	}
	if !broken && total > 0 {
		if err := c.sendFrames(batch, out); err != nil {
			if unread := new(fileError); errors.As(err, &unread) {
				c.log.Error("answer cut short", "err", err)
			}
			c.breakOff()
		}
		c.l.metrics.bytesOut.Add(float64(total))
	}
	out.forget()
	for _, req := range batch {
		if req.frame != nil {
			req.frame.release()
			req.frame = nil
		}
		<-c.slots
	}
	c.sent(weight)
}

func (c *Conn) sendFrames(batch []*Request, out *sender) error {
	for _, req := range batch {
		if req.frame == nil {
			continue
		}
		if err := out.frame(req.frame); err != nil {
			return err
		}
	}
	return out.flush(false)
}
