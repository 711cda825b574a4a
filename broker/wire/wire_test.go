package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a listener under test with a handler per key.
type server struct {
	addr string
	log  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serve(t *testing.T, opts Options, rows ...API) (*server, context.CancelFunc) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &lockedBuffer{}
	rows = append(rows, API{Key: apiVersionsKey, Min: 0, Max: 4, Serve: func(_ context.Context, r *Request) {
		r.Reply(kmsg.NewPtrApiVersionsResponse())
	}})
	l := New(opts, NewVersions(rows), nil, slog.New(slog.NewTextHandler(out, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &server{addr: ln.Addr().String(), log: out}, cancel
}

func dial(t *testing.T, s *server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	return c
}

func send(t *testing.T, c net.Conn, id int32, req kmsg.Request) {
	t.Helper()
	f := kmsg.NewRequestFormatter(kmsg.FormatterClientID("test"))
	if _, err := c.Write(f.AppendRequest(nil, req, id)); err != nil {
		t.Fatal(err)
	}
}

// receive reads one response and gives correlation id and body.
func receive(t *testing.T, c net.Conn) (int32, []byte) {
	t.Helper()
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, body); err != nil {
		t.Fatal(err)
	}
	return int32(binary.BigEndian.Uint32(body)), body[4:]
}

// expectClosed waits for the end of the connection and for a line of the log.
func expectClosed(t *testing.T, s *server, c net.Conn, line string) {
	t.Helper()
	rest, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(err.Error(), "reset") {
		t.Fatal(err)
	}
	if len(rest) != 0 {
		t.Fatalf("got %d bytes before the end", len(rest))
	}
	deadline := time.Now().Add(5 * time.Second)
	for !strings.Contains(s.log.String(), line) {
		if time.Now().After(deadline) {
			t.Fatalf("log says %q, not %q", s.log.String(), line)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAnswersLeaveInRequestOrder(t *testing.T) {
	var mu sync.Mutex
	var parked []*Request
	s, _ := serve(t, Options{}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
		mu.Lock()
		defer mu.Unlock()
		if parked = append(parked, r); len(parked) == 3 {
			for i := range parked { // the last one first
				parked[2-i].Reply(kmsg.NewPtrMetadataResponse())
			}
		}
	}})
	c := dial(t, s)
	for id := range int32(3) {
		send(t, c, id+7, kmsg.NewPtrMetadataRequest())
	}
	for id := range int32(3) {
		if got, _ := receive(t, c); got != id+7 {
			t.Fatalf("answer %d came in place of %d", got, id+7)
		}
	}
}

func TestBadInputClosesWithALine(t *testing.T) {
	frame := func(body ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		line  string
	}{
		{"oversized", []byte{0x7f, 0, 0, 0}, "frame of 2130706432 bytes"},
		{"negative", []byte{0xff, 0xff, 0xff, 0xff}, "frame of -1 bytes"},
		{"tiny", []byte{0, 0, 0, 1, 0}, "frame of 1 bytes"},
		{"http", []byte("GET / HTTP/1.1\r\n\r\n"), "speaks HTTP"},
		{"tls", []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}, "speaks TLS"},
		{"large but not produce", []byte{0, 0x50, 0, 0, 0, 3, 0, 0}, "only Produce requests"},
		{"unknown key", frame(0x01, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff), "API key 511"},
		{"unknown version", frame(0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff, 0), "version 99"},
		{"header cut short", frame(0, 3, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, 1), "header is cut short"},
		{"body cut short", frame(0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 9), "does not decode"},
		{"produce of many", frame(0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 0x7f, 0, 0, 0), "does not decode"},
		{"hostile tags", frame(0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 15), "number of tags"},
	} {
		t.Run(c.name, func(t *testing.T) {
			none := func(_ context.Context, r *Request) { t.Error("handler was called"); r.ReplyNothing() }
			s, _ := serve(t, Options{}, API{Key: 3, Max: 0, Serve: none}, API{Key: 0, Min: 3, Max: 11, Serve: none})
			conn := dial(t, s)
			if _, err := conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			expectClosed(t, s, conn, c.line)
		})
	}
}

func TestTornFrame(t *testing.T) {
	s, _ := serve(t, Options{})
	c := dial(t, s)
	c.Write([]byte{0, 0, 0, 100, 0, 3, 0, 0})
	c.(*net.TCPConn).CloseWrite()
	expectClosed(t, s, c, "ended within a frame of 100 bytes")
}

func TestSlowFrameIsGivenUp(t *testing.T) {
	s, _ := serve(t, Options{FrameTimeout: 20 * time.Millisecond})
	c := dial(t, s)
	c.Write([]byte{0, 0, 0, 100, 0, 3, 0, 0})
	expectClosed(t, s, c, "did not arrive in time")
}

// TestUnsupportedApiVersions: the answer is in version 0, says 35 and which versions are served (KIP-511).
func TestUnsupportedApiVersions(t *testing.T) {
	s, _ := serve(t, Options{})
	c := dial(t, s)
	c.Write([]byte{0, 0, 0, 12, 0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 0, 0})
	id, body := receive(t, c)
	resp := kmsg.NewPtrApiVersionsResponse()
	if err := resp.ReadFrom(body); err != nil || id != 5 {
		t.Fatal(id, err)
	}
	if resp.ErrorCode != kerr.UnsupportedVersion.Code || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].MaxVersion != 4 || len(body) != 12 {
		t.Fatalf("%+v in %d bytes", resp, len(body))
	}
	send(t, c, 6, kmsg.NewPtrApiVersionsRequest()) // and the connection goes on
	receive(t, c)
}

func TestPanicCostsTheConnectionOnly(t *testing.T) {
	s, _ := serve(t, Options{}, API{Key: 3, Max: 0, Serve: func(context.Context, *Request) { panic("oops") }})
	c := dial(t, s)
	send(t, c, 1, kmsg.NewPtrMetadataRequest())
	expectClosed(t, s, c, "oops")
	again := dial(t, s)
	send(t, again, 2, kmsg.NewPtrApiVersionsRequest())
	receive(t, again)
}

// TestAbortSendsWhatIsOwedBefore: earlier answers still go out, later ones don't.
func TestAbortSendsWhatIsOwedBefore(t *testing.T) {
	n := 0
	s, _ := serve(t, Options{}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
		if n++; n == 2 {
			r.Abort(errors.New("enough"))
			return
		}
		r.Reply(kmsg.NewPtrMetadataResponse())
	}})
	c := dial(t, s)
	for id := range int32(3) {
		send(t, c, id, kmsg.NewPtrMetadataRequest())
	}
	if id, _ := receive(t, c); id != 0 {
		t.Fatal(id)
	}
	expectClosed(t, s, c, "enough")
}

// TestDrain: the end of Serve ends parked requests' contexts, and their answers still leave.
func TestDrain(t *testing.T) {
	parked := make(chan struct{})
	s, stop := serve(t, Options{}, API{Key: 3, Max: 0, Serve: func(ctx context.Context, r *Request) {
		context.AfterFunc(ctx, func() { r.Reply(kmsg.NewPtrMetadataResponse()) })
		close(parked)
	}})
	c := dial(t, s)
	send(t, c, 1, kmsg.NewPtrMetadataRequest())
	<-parked
	stop()
	if id, _ := receive(t, c); id != 1 {
		t.Fatal(id)
	}
}

// TestInFlightLimit: a connection isn't read beyond its limit of unanswered requests.
func TestInFlightLimit(t *testing.T) {
	got := make(chan *Request, 10)
	s, _ := serve(t, Options{InFlightMax: 2}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) { got <- r }})
	c := dial(t, s)
	for id := range int32(5) {
		send(t, c, id, kmsg.NewPtrMetadataRequest())
	}
	first, second := <-got, <-got
	select {
	case <-got:
		t.Fatal("a third request was read while two are unanswered")
	case <-time.After(20 * time.Millisecond):
	}
	first.Reply(kmsg.NewPtrMetadataResponse())
	second.Reply(kmsg.NewPtrMetadataResponse())
	for range 3 {
		(<-got).Reply(kmsg.NewPtrMetadataResponse())
	}
	for range 5 {
		receive(t, c)
	}
}

// TestLargeFramesGrow: a produce request of several growth steps arrives whole.
func TestLargeFramesGrow(t *testing.T) {
	want := bytes.Repeat([]byte("0123456789abcdef"), 5<<20/16)
	s, _ := serve(t, Options{}, API{Key: 0, Min: 3, Max: 11, Serve: func(_ context.Context, r *Request) {
		in := r.Body.(*kmsg.ProduceRequest)
		if !bytes.Equal(in.Topics[0].Partitions[0].Records, want) {
			t.Error("records were damaged")
		}
		r.Reply(kmsg.NewPtrProduceResponse())
	}})
	c := dial(t, s)
	for id := range int32(3) { // again in pooled memory
		req := kmsg.NewPtrProduceRequest()
		req.SetVersion(9)
		p := kmsg.NewProduceRequestTopicPartition()
		p.Records = want
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic, topic.Partitions = "t", []kmsg.ProduceRequestTopicPartition{p}
		req.Topics = append(req.Topics, topic)
		send(t, c, id, req)
		receive(t, c)
	}
}

// bigAnswer is an answer of many bytes that counts how many of it are alive.
type bigAnswer struct{ alive *atomic.Int32 }

func (b bigAnswer) EncodeTo(f *Frame) {
	b.alive.Add(1)
	f.Splice(make([]byte, owedMax/4))
	f.OnSent(func() { b.alive.Add(-1) })
}

// TestSlowClientHoldsLittle: a client that asks and doesn't read isn't asked for more requests than owedMax bytes of answers.
func TestSlowClientHoldsLittle(t *testing.T) {
	var alive, most atomic.Int32
	s, _ := serve(t, Options{}, API{Key: 3, Max: 0, Serve: func(_ context.Context, r *Request) {
		r.ReplyWith(bigAnswer{&alive})
		most.Store(max(most.Load(), alive.Load()))
	}})
	c := dial(t, s)
	const requests = 40
	for id := range int32(requests) {
		send(t, c, id, kmsg.NewPtrMetadataRequest())
	}
	for id := range int32(requests) {
		if got, _ := receive(t, c); got != id {
			t.Fatal(got)
		}
	}
	if n := most.Load(); n > 8 {
		t.Fatalf("%d answers were held at once", n)
	}
}

func TestFrameSplices(t *testing.T) {
	f := newFrame(9, true)
	f.Bytes = append(f.Bytes, "ab"...)
	f.Splice([]byte("CD"))
	f.Splice(nil)
	f.Splice([]byte("EF"))
	f.Bytes = append(f.Bytes, 'g')
	released := 0
	f.OnSent(func() { released++ })
	f.finish()
	out := &sender{}
	if err := out.frame(f); err != nil {
		t.Fatal(err)
	}
	if got, want := string(bytes.Join(out.parts, nil)), "\x00\x00\x00\x0c\x00\x00\x00\x09\x00abCDEFg"; got != want {
		t.Fatalf("%q", got)
	}
	if f.release(); released != 1 {
		t.Fatal(released)
	}
}

// FuzzConn sends bytes of a stranger: nothing may panic or hang.
func FuzzConn(f *testing.F) {
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("fuzz"))
	produce := kmsg.NewPtrProduceRequest()
	produce.SetVersion(9)
	produce.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{{Records: []byte("r")}}}}
	for _, r := range []kmsg.Request{kmsg.NewPtrMetadataRequest(), kmsg.NewPtrApiVersionsRequest(), produce} {
		f.Add(format.AppendRequest(nil, r, 1))
	}
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	l := New(Options{}, everyVersion(), nil, slog.New(slog.DiscardHandler))
	f.Fuzz(func(_ *testing.T, in []byte) {
		ours, theirs := net.Pipe()
		go func() {
			theirs.Write(in)
			theirs.Close()
		}()
		newConn(l, ours, &Endpoint{}).serve(context.Background())
	})
}
