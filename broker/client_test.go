package broker

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/storage/vfs"
)

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
