package wire

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// strict makes every request of one kind wait.
type strict struct {
	produced, fetched, worked, connected time.Duration
}

func (s *strict) Active() bool                                      { return true }
func (s *strict) Produced(_, _ string, _ int) time.Duration         { return s.produced }
func (s *strict) Fetched(_, _ string, _ int) time.Duration          { return s.fetched }
func (s *strict) Unfetched(_, _ string, _ int)                      {}
func (s *strict) FetchRoom(_, _ string) int                         { return 1000 }
func (s *strict) Worked(_, _ string, _ time.Duration) time.Duration { return s.worked }
func (s *strict) Connected(string) time.Duration                    { return s.connected }

// throttledNode serves Metadata and Fetch under a limiter and gives a way to ask it.
func throttledNode(t *testing.T, limiter Limiter) (l *Listener, addr string) {
	t.Helper()
	versions := NewVersions([]API{
		{Key: 1, Min: 4, Max: 18, Serve: func(_ context.Context, req *Request) {
			req.ThrottleFetch(100)
			req.Reply(kmsg.NewPtrFetchResponse())
		}},
		{Key: 3, Min: 0, Max: 13, Serve: func(_ context.Context, req *Request) { req.Reply(kmsg.NewPtrMetadataResponse()) }},
	})
	l = New(Options{Limiter: limiter}, versions, nil, slog.New(slog.DiscardHandler))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return l, ln.Addr().String()
}

func throttleOf(t *testing.T, nc net.Conn, req kmsg.Request) int32 {
	t.Helper()
	if _, err := nc.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("c")).AppendRequest(nil, req, 7)); err != nil {
		t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(nc, size[:]); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(size[2])<<8|int(size[3]))
	if _, err := io.ReadFull(nc, body); err != nil {
		t.Fatal(err)
	}
	skip := 4
	if req.IsFlexible() {
		skip = 5
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(body[skip:]); err != nil {
		t.Fatal(err)
	}
	ms, _ := resp.(kmsg.ThrottleResponse).Throttle()
	return ms
}

// TestThrottledClientsAreToldAndMuted: an answer comes at once and says how long the next request is left unread.
func TestThrottledClientsAreToldAndMuted(t *testing.T) {
	const wait = 80 * time.Millisecond
	for _, test := range []struct {
		name    string
		limiter *strict
		key     int16
		want    int32
	}{
		{"work", &strict{worked: wait}, 3, 80},
		{"fetch", &strict{fetched: wait}, 1, 80},
		{"the longer of two", &strict{worked: time.Millisecond, fetched: wait}, 1, 80},
		{"neither", &strict{produced: wait}, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, addr := throttledNode(t, test.limiter)
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(10 * time.Second))
			for _, version := range []int16{4, 12} {
				req := kmsg.RequestForKey(test.key)
				req.SetVersion(version)
				if got := throttleOf(t, nc, req); got != test.want {
					t.Fatalf("v%d was told %d ms, not %d", version, got, test.want)
				}
				began := time.Now()
				throttleOf(t, nc, req)
				if took := time.Since(began); test.want > 0 && took < wait/2 { // a busy machine tells of the answer late
					t.Errorf("v%d: the next request was answered after %v", version, took)
				}
			}
		})
	}
}

// TestConnectionsTurnedAway: a connection too many is closed without an answer, at once or after its wait.
func TestConnectionsTurnedAway(t *testing.T) {
	ended := func(addr string) time.Duration {
		began := time.Now()
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(10 * time.Second))
		if n, err := nc.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Fatal(n, err)
		}
		return time.Since(began)
	}
	if _, addr := throttledNode(t, &strict{connected: 60 * time.Millisecond}); ended(addr) < 50*time.Millisecond {
		t.Error("a connection over the rate was not held")
	}
	for _, limits := range []ConnLimits{{Max: 1}, {PerIP: 1}, {PerIP: 9, Overrides: ParseOverrides([]string{"x", "127.0.0.1:1"})}} {
		l, addr := throttledNode(t, &strict{})
		l.SetConnLimits(limits)
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		req := kmsg.NewPtrMetadataRequest()
		throttleOf(t, nc, req) // it is in
		ended(addr)
		nc.Close()
	}
}
