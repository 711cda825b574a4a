package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// answerTimeout is how long an answer may take.
	answerTimeout = 10 * time.Second
	// answerMaxBytes bounds an answer.
	answerMaxBytes = 64 << 20
	clientID       = "differ"
)

var (
	errClosed = errors.New("connection closed")
	errSilent = errors.New("no answer")
)

// conn is a connection that is dialled when something is asked, and again when the broker closed it.
type conn struct {
	broker string
	tcp    net.Conn
	in     *bufio.Reader
	asked  int32
}

func (c *conn) hangUp() {
	if c.tcp != nil {
		_ = c.tcp.Close() // there is nobody left to tell
		c.tcp = nil
	}
}

// send writes a request; its answer is read with receive.
func (c *conn) send(req kmsg.Request) error {
	if c.tcp == nil {
		tcp, err := net.Dial("tcp", c.broker)
		if err != nil {
			return err
		}
		c.tcp, c.in = tcp, bufio.NewReader(tcp)
	}
	c.asked++
	if err := c.tcp.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return err
	}
	_, err := c.tcp.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, req, c.asked))
	return err
}

// receive reads the answer of a request, or says that the connection was closed instead.
func (c *conn) receive(req kmsg.Request) (kmsg.Response, error) {
	if c.tcp == nil {
		return nil, errClosed
	}
	resp, err := c.read(req)
	switch {
	case err == nil:
		return resp, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.hangUp()
		return nil, errSilent
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.hangUp()
		return nil, errClosed
	default:
		c.hangUp()
		if _, ok := errors.AsType[*net.OpError](err); ok {
			return nil, errClosed
		}
		return nil, err
	}
}

func (c *conn) read(req kmsg.Request) (kmsg.Response, error) {
	var size [4]byte
	if _, err := io.ReadFull(c.in, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > answerMaxBytes {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(c.in, frame); err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	header := 4
	if resp.IsFlexible() && resp.Key() != int16(kmsg.ApiVersions) {
		header++ // no broker has tags in the header
	}
	if len(frame) < header {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	if err := resp.ReadFrom(frame[header:]); err != nil {
		return nil, fmt.Errorf("answer of %s v%d: %w", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp, nil
}

func (c *conn) ask(req kmsg.Request) (kmsg.Response, error) {
	if err := c.send(req); err != nil {
		c.hangUp()
		return nil, errClosed
	}
	return c.receive(req)
}
