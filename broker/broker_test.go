package broker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLogger shows what a broker says when FRESHET_TEST_LOG is set.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if os.Getenv("FRESHET_TEST_LOG") != "" {
		return os.Stderr.Write(p)
	}
	return len(p), nil
}

// startBroker runs a broker on a free port until the test ends.
func startBroker(t testing.TB, change func(*Options)) *Broker {
	t.Helper()
	opts := Options{FS: vfs.NewMem(), DataDir: "data", Listen: []string{"127.0.0.1:0"}, Logger: testLogger(t)}
	if change != nil {
		change(&opts)
	}
	b, err := Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// connect connects franz-go to the broker until the test ends.
func connect(t testing.TB, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(b.Addr().String()), kgo.AllowAutoTopicCreation(), kgo.RetryTimeout(5 * time.Second),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// short bounds what a test does with clients.
func short(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// consume reads n records of a topic from its start.
func consume(t testing.TB, b *Broker, topic string, n int, opts ...kgo.Opt) []*kgo.Record {
	t.Helper()
	cl := connect(t, b, append([]kgo.Opt{kgo.ConsumeTopics(topic)}, opts...)...)
	defer cl.Close()
	ctx := short(t)
	var out []*kgo.Record
	for len(out) < n {
		fetches := cl.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			t.Fatalf("after %d of %d records: %v", len(out), n, e.Err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}

func TestFirstRecord(t *testing.T) {
	b := startBroker(t, nil)
	cl := connect(t, b, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	if err := cl.ProduceSync(short(t), &kgo.Record{Topic: "first", Key: []byte("k"), Value: []byte("v")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	got := consume(t, b, "first", 1)
	if string(got[0].Key) != "k" || string(got[0].Value) != "v" || got[0].Offset != 0 {
		t.Fatal(fmt.Sprint(got[0]))
	}
}
