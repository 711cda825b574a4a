package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

// row is the record under test: id counts from 0, v is id % 7, its time is id times stepMS after epochMS.
type row struct {
	ID int64 `json:"id"`
	V  int64 `json:"v"`
}

const (
	epochMS = 1_700_000_000_000
	stepMS  = 20
	keys    = 50
)

func newClient(t *testing.T, address string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(address), kgo.ProducerLinger(0), kgo.MetadataMinAge(10 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 5 * time.Millisecond }),
	}, opts...)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return cl
}

func createTopic(t *testing.T, cl *kgo.Client, topic string, partitions int32) {
	t.Helper()
	if err := harness.CreateTopic(testContext(t), cl, topic, partitions); err != nil {
		t.Fatal(err)
	}
}

// ledger is what has been produced and what of it is acknowledged.
type ledger struct {
	next int64 // the next record's id

	mu     sync.Mutex
	life   int            // guarded by mu: how often it was opened
	sealed bool           // guarded by mu: what this life is told counts no more
	acked  map[int64]bool // guarded by mu
}

func newLedger() *ledger { return &ledger{acked: map[int64]bool{}} }

func (l *ledger) record(id int64) *kgo.Record {
	return &kgo.Record{
		Topic: "src", Key: strconv.AppendInt(nil, id%keys, 10), Value: fmt.Appendf(nil, `{"id":%d,"v":%d}`, id, id%7),
		Timestamp: time.UnixMilli(epochMS + id*stepMS),
	}
}

// produce sends the next n records without waiting.
func (l *ledger) produce(cl *kgo.Client, n int) {
	l.mu.Lock()
	life := l.life
	l.mu.Unlock()
	for range n {
		id := l.next
		l.next++
		cl.Produce(context.Background(), l.record(id), func(_ *kgo.Record, err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if err == nil && life == l.life && !l.sealed {
				l.acked[id] = true
			}
		})
	}
}

// load sends the next n records and waits until all are acknowledged.
func (l *ledger) load(t *testing.T, cl *kgo.Client, n int) {
	t.Helper()
	l.produce(cl, n)
	if err := cl.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if got := l.count(); int64(got) < l.next {
		t.Fatalf("%d of %d records acknowledged", got, l.next)
	}
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// open begins a life.
func (l *ledger) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.life++
	l.sealed = false
}

// seal gives the ids acknowledged so far; what this life is told from now on counts no more.
func (l *ledger) seal() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sealed = true
	out := make([]int64, 0, len(l.acked))
	for id := range l.acked {
		out = append(out, id)
	}
	return out
}

// readCommitted gives every record of a topic up to its last stable offsets as readers of committed records see them.
func readCommitted(t *testing.T, address, topic string) []*kgo.Record {
	t.Helper()
	ctx := testContext(t)
	cl := newClient(t, address, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	defer cl.Close()
	ends, err := harness.StableEnds(ctx, cl, topic)
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for p, end := range ends {
		if end == 0 {
			delete(ends, p)
		}
	}
	left = len(ends)
	var out []*kgo.Record
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
			if r.Offset+1 == ends[r.Partition] {
				left--
			}
		})
	}
	return out
}

// readRows gives the rows of a topic of JSON objects.
func readRows(t *testing.T, address, topic string) []row {
	t.Helper()
	var out []row
	for _, r := range readCommitted(t, address, topic) {
		var got row
		if err := json.Unmarshal(r.Value, &got); err != nil {
			t.Fatalf("%s-%d at %d: %s: %v", topic, r.Partition, r.Offset, r.Value, err)
		}
		out = append(out, got)
	}
	return out
}

// committed gives the positions of the node's queries, by group, topic and partition.
func committed(ctx context.Context, cl *kgo.Client) (map[string]int64, error) {
	groups, err := kmsg.NewPtrListGroupsRequest().RequestWith(ctx, cl)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, g := range groups.Groups {
		if !strings.HasPrefix(g.Group, "_freshet-") {
			continue
		}
		req := kmsg.NewPtrOffsetFetchRequest()
		one := kmsg.NewOffsetFetchRequestGroup()
		one.Group = g.Group
		req.Group = g.Group
		req.Groups = append(req.Groups, one)
		resp, err := req.RequestWith(ctx, cl)
		if err != nil {
			return nil, err
		}
		if len(resp.Groups) != 1 {
			return nil, errors.New("an answer without groups")
		}
		for _, topic := range resp.Groups[0].Topics {
			for _, p := range topic.Partitions {
				out[fmt.Sprintf("%s %s-%d", g.Group, topic.Topic, p.Partition)] = p.Offset
			}
		}
	}
	return out, nil
}
