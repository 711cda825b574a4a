package tail

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var tp = client.TopicPartition{Topic: "t"}

func open(t *testing.T) client.Client {
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
	c := b.Client()
	if _, err := c.CreateTopic(context.Background(), client.TopicSpec{Name: tp.Topic, Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	return c
}

// produce appends a batch of n records with values from, from+1, ….
func produce(t *testing.T, p client.Producer, from, n int) {
	t.Helper()
	b := record.NewBuilder(record.LZ4)
	for i := range n {
		b.Append(int64(i), nil, []byte(strconv.Itoa(from+i)), nil)
	}
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	acked := make(chan error, 1)
	p.Produce(tp, batch, func(a client.Ack) { acked <- a.Err })
	if err := <-acked; err != nil {
		t.Fatal(err)
	}
}

func producer(t *testing.T, c client.Client, id string) client.Producer {
	t.Helper()
	p, err := c.Producer(context.Background(), client.ProducerOptions{TransactionalID: id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func commit(t *testing.T, p client.Producer) {
	t.Helper()
	done := make(chan error, 1)
	p.Commit(func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestCommittedRecordsInOrder reads plain, committed and aborted records from every offset: the aborted ones never show.
func TestCommittedRecordsInOrder(t *testing.T) {
	ctx := context.Background()
	c := open(t)
	plain, tx := producer(t, c, ""), producer(t, c, "tx")
	produce(t, plain, 0, 3)
	produce(t, tx, 100, 2)
	if err := tx.Abort(ctx); err != nil {
		t.Fatal(err)
	}
	produce(t, tx, 3, 2)
	commit(t, tx)
	produce(t, tx, 200, 1)
	if err := tx.Abort(ctx); err != nil {
		t.Fatal(err)
	}
	produce(t, plain, 5, 1)
	var offsets []int64
	for from := int64(0); from <= 6; from++ {
		p, err := Open(c, tp, from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			r, ok, err := p.Poll(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			got = append(got, string(r.Value))
			if from == 0 {
				offsets = append(offsets, r.Offset)
			}
		}
		want := 0
		for i, o := range offsets {
			if o >= from {
				if want < len(got) && got[want] != strconv.Itoa(i) {
					t.Fatalf("from %d: %v", from, got)
				}
				want++
			}
		}
		if len(got) != want || len(offsets) != 6 {
			t.Fatalf("from %d: %v, offsets %v", from, got, offsets)
		}
		p.Close()
	}
}

func TestNextWaits(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c := open(t)
	p, err := Open(c, tp, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got := make(chan string)
	go func() {
		r, err := p.Next(ctx)
		if err != nil {
			got <- err.Error()
			return
		}
		got <- string(r.Value)
	}()
	produce(t, producer(t, c, ""), 7, 1)
	if v := <-got; v != "7" {
		t.Fatal(v)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	if _, err := p.Next(stopped); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := c.DeleteTopic(ctx, tp.Topic); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Next(ctx); !errors.Is(err, client.ErrUnknownTopic) {
		t.Fatal(err)
	}
}
