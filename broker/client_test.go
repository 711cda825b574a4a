package broker

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestClientProducesAndFetches(t *testing.T) {
	n := startNode(t, vfs.NewMem(), newAgreement(), CoordinatorOptions{})
	n.topic(t, "orders", 2)
	p := n.producer(t, "")
	if a := produce(t, p, "orders", 1, "a", "b")(); a.Err != nil || a.BaseOffset != 0 {
		t.Fatal(a)
	}
	if a := produce(t, p, "orders", 1, "c")(); a.Err != nil || a.BaseOffset != 2 {
		t.Fatal(a)
	}
	if got := n.values(t, "orders", 1, client.ReadCommitted); got != "a b c" {
		t.Fatal(got)
	}
	if a := produce(t, p, "nowhere", 0, "x")(); !errors.Is(a.Err, client.ErrUnknownTopic) {
		t.Fatal(a)
	}
	if _, err := n.client.Fetch(testContext(t), client.TopicPartition{Topic: "orders"}, 7, 1, 0); !errors.Is(err, client.ErrOffsetOutOfRange) {
		t.Fatal(err)
	}
	_, err := n.client.CreateTopic(testContext(t), client.TopicSpec{Name: "orders"})
	if !errors.Is(err, client.ErrTopicExists) {
		t.Fatal(err)
	}
}

func TestWatchTellsOfCommits(t *testing.T) {
	n := startNode(t, vfs.NewMem(), newAgreement(), CoordinatorOptions{})
	n.topic(t, "orders", 1)
	moved := make(chan struct{}, 100)
	cancel, err := n.client.Watch(client.TopicPartition{Topic: "orders"}, func() { moved <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	p := n.producer(t, "t")
	produce(t, p, "orders", 0, "a")
	mustCommit(t, p)
	deadline := testContext(t).Done()
	for n.values(t, "orders", 0, client.ReadCommitted) != "a" {
		select {
		case <-moved:
		case <-deadline:
			t.Fatal("nobody told of the commit")
		}
	}
}

func TestTransactionsCommitAndAbort(t *testing.T) {
	n := startNode(t, vfs.NewMem(), newAgreement(), CoordinatorOptions{})
	n.topic(t, "in", 1)
	n.topic(t, "out", 2)
	ctx := testContext(t)
	p := n.producer(t, "engine")
	for _, round := range []struct {
		value  string
		offset int64
		abort  bool
	}{{"a", 1, false}, {"b", 2, true}, {"c", 3, false}, {"d", 4, false}} {
		produce(t, p, "out", 0, round.value)
		produce(t, p, "out", 1, round.value+"1", round.value+"2")
		p.CommitOffsets(client.GroupMember{Group: "g"}, map[client.TopicPartition]client.Committed{
			{Topic: "in"}: {Offset: round.offset, LeaderEpoch: -1, Metadata: round.value},
		}, nil)
		if round.abort {
			if err := p.Abort(ctx); err != nil {
				t.Fatal(err)
			}
			continue
		}
		mustCommit(t, p)
		got, err := n.client.Committed(ctx, "g", true)
		if err != nil {
			t.Fatal(err)
		}
		if o := got[client.TopicPartition{Topic: "in"}]; o.Offset != round.offset || o.Metadata != round.value {
			t.Fatal(round, got)
		}
	}
	if got := n.values(t, "out", 0, client.ReadCommitted); got != "a c d" {
		t.Fatal(got)
	}
	if got := n.values(t, "out", 1, client.ReadCommitted); got != "a1 a2 c1 c2 d1 d2" {
		t.Fatal(got)
	}
	if got := n.values(t, "out", 0, client.ReadUncommitted); got != "a b c d" {
		t.Fatal(got)
	}
}

func TestNewProducerFencesTheOld(t *testing.T) {
	n := startNode(t, vfs.NewMem(), newAgreement(), CoordinatorOptions{})
	n.topic(t, "out", 1)
	old := n.producer(t, "engine")
	produce(t, old, "out", 0, "lost")()
	young := n.producer(t, "engine")
	if err := commit(t, old); !errors.Is(err, client.ErrFenced) {
		t.Fatal(err)
	}
	if a := produce(t, old, "out", 0, "late")(); !errors.Is(a.Err, client.ErrFenced) {
		t.Fatal(a)
	}
	produce(t, young, "out", 0, "kept")
	mustCommit(t, young)
	if got := n.values(t, "out", 0, client.ReadCommitted); got != "kept" {
		t.Fatal(got)
	}
}

func TestFailedBatchAbortsTheTransaction(t *testing.T) {
	n := startNode(t, vfs.NewMem(), newAgreement(), CoordinatorOptions{})
	n.topic(t, "out", 1)
	p := n.producer(t, "engine")
	produce(t, p, "out", 0, "a")
	if a := produce(t, p, "gone", 0, "x")(); !errors.Is(a.Err, client.ErrUnknownTopic) {
		t.Fatal(a)
	}
	if err := commit(t, p); !errors.Is(err, client.ErrUnknownTopic) {
		t.Fatal(err)
	}
	produce(t, p, "out", 0, "b")
	mustCommit(t, p)
	if got := n.values(t, "out", 0, client.ReadCommitted); got != "b" {
		t.Fatal(got)
	}
}

// TestCrashKeepsWholeTransactions cuts the power before some sync of a stream of transactions over two partitions and a
// group, and looks at what the next life of the node shows: every transaction that was reported committed, whole; the one
// under way whole or not at all; and positions that agree with the records.
func TestCrashKeepsWholeTransactions(t *testing.T) {
	for seed := uint64(1); seed <= 100; seed++ {
		rng := rand.New(rand.NewPCG(seed, 3))
		disk := vfs.NewCrashableMem()
		var cut powerCut
		fs := vfs.Inject(disk, func(op vfs.Op) error {
			if op.Kind == vfs.OpFileSync || op.Kind == vfs.OpFileSyncData {
				cut.before(disk, rng)
			}
			return nil
		})
		agreed := newAgreement()
		opts := CoordinatorOptions{Shards: coordinator.Options{SnapshotBytes: int64(rng.IntN(2)) * 700}} // half with many snapshots
		n := startNode(t, fs, agreed, opts)
		n.topic(t, "in", 1)
		n.topic(t, "out", 2)
		p := n.producer(t, "engine")
		cut.arm(rng.IntN(40))
		for i := range 6 {
			transact(t, p, i)
			mustCommit(t, p)
			cut.committed.Add(1)
		}
		n.stop()
		if cut.disk == nil {
			cut.arm(0)
			cut.before(disk, rng)
		}
		checkAfterCrash(t, seed, startNode(t, cut.disk, agreed, opts), cut.atCut)
	}
}

// powerCut keeps what is on a disk before one of its syncs.
type powerCut struct {
	mu        sync.Mutex // guards: armed, left, disk, atCut
	armed     bool
	left      int
	disk      *vfs.MemFS
	atCut     int // transactions reported committed by then
	committed atomic.Int64
}

func (c *powerCut) arm(left int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed, c.left = true, left
}

func (c *powerCut) before(disk *vfs.MemFS, rng *rand.Rand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.armed || c.disk != nil {
		return
	}
	if c.left--; c.left >= 0 {
		return
	}
	c.atCut = int(c.committed.Load())
	c.disk = vfs.Crash(disk, rng.IntN(101), rng)
}

func transact(t *testing.T, p client.Producer, i int) {
	produce(t, p, "out", 0, numbered("t", i+1)[i])
	produce(t, p, "out", 1, numbered("t", i+1)[i])
	p.CommitOffsets(client.GroupMember{Group: "g"}, map[client.TopicPartition]client.Committed{
		{Topic: "in"}: {Offset: int64(i + 1), LeaderEpoch: -1},
	}, nil)
}

func checkAfterCrash(t *testing.T, seed uint64, n *testNode, whole int) {
	t.Helper()
	defer n.stop()
	ctx := testContext(t)
	if err := n.coordinators.recover(ctx); err != nil {
		t.Fatal(seed, err)
	}
	p := n.producer(t, "engine")
	got0, got1 := n.values(t, "out", 0, client.ReadCommitted), n.values(t, "out", 1, client.ReadCommitted)
	committed, err := n.client.Committed(ctx, "g", true)
	if err != nil {
		t.Fatal(seed, err)
	}
	position := committed[client.TopicPartition{Topic: "in"}].Offset
	if got0 != got1 || position < int64(whole) || position > int64(whole)+1 {
		t.Fatalf("seed %d: %d whole transactions; partitions hold %q and %q, position %d", seed, whole, got0, got1, position)
	}
	want := ""
	for i, v := range numbered("t", int(position)) {
		if i > 0 {
			want += " "
		}
		want += v
	}
	if got0 != want {
		t.Fatalf("seed %d: position %d, records %q", seed, position, got0)
	}
	produce(t, p, "out", 0, "next")
	mustCommit(t, p)
	if got := n.values(t, "out", 0, client.ReadCommitted); got != strings.TrimSpace(want+" next") {
		t.Fatalf("seed %d: after restart %q", seed, got)
	}
}
