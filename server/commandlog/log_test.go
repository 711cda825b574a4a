package commandlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startBroker(t *testing.T) *broker.Broker {
	t.Helper()
	b, err := broker.Start(context.Background(), broker.Options{
		FS: vfs.NewMem(), DataDir: "data", Listen: []string{"127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler),
	})
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

// follower is a Log being run, with the texts of what it has applied.
type follower struct {
	*Log
	mu    sync.Mutex
	texts []string
	ended chan error
	stop  context.CancelFunc
}

func follow(t *testing.T, c client.Client, apply func(*catalog.Command) error) *follower {
	t.Helper()
	l, err := Open(context.Background(), c, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &follower{Log: l, ended: make(chan error, 1), stop: stop}
	go func() {
		f.ended <- l.Run(ctx, func(_ context.Context, version uint64, cmd *catalog.Command) error {
			f.mu.Lock()
			f.texts = append(f.texts, fmt.Sprintf("%d %s", version, cmd.Changes[0].Text))
			f.mu.Unlock()
			if apply != nil {
				return apply(cmd)
			}
			return nil
		})
	}()
	t.Cleanup(func() {
		stop()
		f.Close()
		<-f.ended
	})
	return f
}

func (f *follower) applied() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.texts, "; ")
}

func command(text string) *catalog.Command {
	return &catalog.Command{Database: "d", Changes: []catalog.Change{{Text: text, Drop: &catalog.Drop{Name: "x"}}}}
}

func TestAppendAndReplay(t *testing.T) {
	ctx := context.Background()
	b := startBroker(t)
	one := follow(t, b.Client(), nil)
	for i, text := range []string{"a", "b"} {
		if err := one.Append(ctx, command(text), uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := one.Append(ctx, command("late"), 1); !errors.Is(err, ErrConflict) {
		t.Fatal(err)
	}
	two := follow(t, b.Client(), nil)
	if err := two.CaughtUp(ctx); err != nil {
		t.Fatal(err)
	}
	if one.applied() != "1 a; 2 b" || two.applied() != one.applied() {
		t.Fatal(one.applied(), "|", two.applied())
	}
}

// TestTwoAppenders has two nodes append at the same versions: each version is won by one of them, and both apply the same order.
func TestTwoAppenders(t *testing.T) {
	ctx := context.Background()
	b := startBroker(t)
	nodes := []*follower{follow(t, b.Client(), nil), follow(t, b.Client(), nil)}
	const each = 10
	var wg sync.WaitGroup
	for n, node := range nodes {
		wg.Go(func() {
			for i := 0; i < each; {
				version := node.Version()
				err := node.Append(ctx, command(fmt.Sprintf("%d.%d", n, i)), version)
				switch {
				case err == nil:
					i++
				case errors.Is(err, ErrConflict):
					if err := node.CaughtUp(ctx); err != nil {
						t.Error(err)
						return
					}
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, node := range nodes {
		if err := node.CaughtUp(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if nodes[0].applied() != nodes[1].applied() || nodes[0].Version() != 2*each {
		t.Fatalf("%d %s\n%d %s", nodes[0].Version(), nodes[0].applied(), nodes[1].Version(), nodes[1].applied())
	}
}

func TestApplyErrorReachesTheAppender(t *testing.T) {
	b := startBroker(t)
	refused := errors.New("refused")
	f := follow(t, b.Client(), func(c *catalog.Command) error {
		if c.Changes[0].Text == "bad" {
			return refused
		}
		return nil
	})
	if err := f.Append(context.Background(), command("bad"), 0); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if err := f.Append(context.Background(), command("good"), 1); err != nil {
		t.Fatal(err)
	}
}

// TestDamage has a record that is no command end the tail with an error that names its offset.
func TestDamage(t *testing.T) {
	b := startBroker(t)
	if _, err := Open(context.Background(), b.Client(), time.Now, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	p, err := b.Client().Producer(context.Background(), client.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	builder := record.NewBuilder(record.None)
	builder.Append(0, nil, []byte("not JSON"), nil)
	batch, err := builder.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	acked := make(chan error, 1)
	p.Produce(partition, batch, func(a client.Ack) { acked <- a.Err })
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
	f := follow(t, b.Client(), nil)
	if err := f.CaughtUp(context.Background()); !errors.Is(err, client.ErrClosed) {
		t.Fatal(err)
	}
	err = <-f.ended
	f.ended <- nil
	if err == nil || !strings.Contains(err.Error(), "offset 0") {
		t.Fatal(err)
	}
}
