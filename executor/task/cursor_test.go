package task

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/executor/task/tasktest"
	"github.com/freshetdb/freshet/storage/record"
)

var testIn = client.TopicPartition{Topic: "in"}

// drain reads everything a cursor can, at most want rows at a time, as "offset:value" words; "|" ends each fill.
func drain(t *testing.T, c *cursor, want int) string {
	t.Helper()
	var out []string
	var cols record.Columns
	var dec record.Decompressor
	for {
		at, err := c.fill(context.Background(), &dec, &cols, want)
		if err != nil {
			t.Fatal(err)
		}
		for ; at < cols.Len(); at++ {
			out = append(out, fmt.Sprintf("%d:%s", cols.Offsets[at], payload(&cols, at)))
		}
		c.delivered(&cols, cols.Len())
		if c.drained() {
			return strings.TrimSuffix(strings.Join(out, " "), " |")
		}
		if cols.Len() > 0 {
			out = append(out, "|")
		}
	}
}

func open(t *testing.T, b *tasktest.Broker, at int64, iso client.Isolation) *cursor {
	t.Helper()
	c, err := newCursor(b, testIn, at, iso, func() {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func batchOf(values ...string) []byte {
	b := record.NewBuilder(record.None)
	for _, v := range values {
		b.Append(0, nil, []byte(v), nil)
	}
	batch, err := b.Build(nil)
	if err != nil {
		panic(err)
	}
	return batch
}

func TestCursorTransactions(t *testing.T) {
	ctx := context.Background()
	b := tasktest.New()
	b.Make("in", 1)
	b.Append(testIn, record.None, tasktest.Record{Value: "a"}, tasktest.Record{Value: "b"})
	ignore := func(client.Ack) {}
	one, _ := b.Producer(ctx, client.ProducerOptions{})
	two, _ := b.Producer(ctx, client.ProducerOptions{})
	one.Produce(testIn, batchOf("gone"), ignore) // 2
	two.Produce(testIn, batchOf("kept"), ignore) // 3
	b.Append(testIn, record.None, tasktest.Record{Value: "c"})
	if err := one.Abort(ctx); err != nil { // marker at 5
		t.Fatal(err)
	}
	committed, all := open(t, b, 0, client.ReadCommitted), open(t, b, 0, client.ReadUncommitted)
	if got := drain(t, committed, 100); got != "0:a 1:b" || committed.next != 3 {
		t.Errorf("an open transaction: %s, then %d", got, committed.next)
	}
	if got := drain(t, all, 100); got != "0:a 1:b 2:gone 3:kept 4:c" || all.next != 6 {
		t.Errorf("uncommitted: %s, then %d", got, all.next)
	}
	two.Commit(func(error) {})                    // marker at 6
	one.Produce(testIn, batchOf("again"), ignore) // 7: the same producer, committed this time
	one.Commit(func(error) {})                    // marker at 8
	if got := drain(t, committed, 100); got != "3:kept 4:c 7:again" || committed.next != 9 {
		t.Errorf("ended transactions: %s, then %d", got, committed.next)
	}
	if got := drain(t, open(t, b, 4, client.ReadCommitted), 100); got != "4:c 7:again" {
		t.Errorf("from the middle: %s", got)
	}
}

// TestCursorFills cuts a partition into fills: views of plain batches, copies of compressed ones, never both in one.
func TestCursorFills(t *testing.T) {
	b := tasktest.New()
	b.Make("in", 1)
	for i, codec := range []record.Compression{record.None, record.None, record.LZ4, record.Zstd, record.None} {
		b.Append(testIn, codec, tasktest.Record{Value: fmt.Sprint("x", i)}, tasktest.Record{Value: fmt.Sprint("y", i)})
	}
	for _, c := range []struct {
		want int
		from int64
		text string
	}{
		{want: 1, text: "0:x0 1:y0 | 2:x1 3:y1 | 4:x2 5:y2 | 6:x3 7:y3 | 8:x4 9:y4"},
		{want: 100, text: "0:x0 1:y0 2:x1 3:y1 | 4:x2 5:y2 6:x3 7:y3 8:x4 9:y4"},
		{want: 100, from: 3, text: "3:y1 | 4:x2 5:y2 6:x3 7:y3 8:x4 9:y4"},
		{want: 100, from: 10, text: ""},
	} {
		if got := drain(t, open(t, b, c.from, client.ReadCommitted), c.want); got != c.text {
			t.Errorf("at least %d rows from %d: %s", c.want, c.from, got)
		}
	}
}

func TestCursorAsksForWholeBatches(t *testing.T) {
	big := batchOf(strings.Repeat("v", fetchBytes/3))
	if got := askFor(append(big, big...)); got != 2*len(big) {
		t.Errorf("asks for %d bytes after batches of %d", got, len(big))
	}
	if got := askFor(batchOf(strings.Repeat("v", 2*fetchBytes))); got <= 2*fetchBytes {
		t.Errorf("asks for %d bytes", got)
	}
	if got := askFor(batchOf("small")); got != fetchBytes {
		t.Errorf("asks for %d bytes", got)
	}
}

func TestCursorErrors(t *testing.T) {
	b := tasktest.New()
	b.Make("in", 1)
	if _, err := newCursor(b, client.TopicPartition{Topic: "other"}, 0, client.ReadCommitted, func() {}); err == nil {
		t.Error("a partition that does not exist was opened")
	}
	var cols record.Columns
	if _, err := open(t, b, 5, client.ReadCommitted).fill(context.Background(), nil, &cols, 1); err == nil || !strings.Contains(err.Error(), "in-0 at 5") {
		t.Errorf("behind the end: %v", err)
	}
}
