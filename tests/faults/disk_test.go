package faults

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/storage/vfs"
)

// sampleRecords is how much a node of these tests has read before something breaks.
const sampleRecords = 2000

// loaded is a node on d with queries over sampleRecords records, all read.
func loaded(t *testing.T, d *disk) (*server.Server, *ledger) {
	t.Helper()
	node := start(t, d.fs())
	cl := newClient(t, node.Addresses().Kafka)
	defer cl.Close()
	createTopic(t, cl, "src", 3)
	s := connect(t, node)
	defer s.close()
	s.must(queries...)
	l := newLedger()
	for range 20 {
		l.load(t, cl, sampleRecords/20)
		s.must(`SELECT count(*) FROM totals`)
	}
	s.eventually(countTotals, strconv.Itoa(sampleRecords))
	s.eventually(`SELECT coalesce(sum(n), 0)::bigint FROM ends`, strconv.Itoa(sampleRecords-(sampleRecords+6)/7)) // the end of the chain
	return node, l
}

const countTotals = `SELECT coalesce(sum(n), 0)::bigint FROM totals`

// checkNode compares a node with the batch answer over what is in its log; everything acknowledged must be in it.
func checkNode(t *testing.T, node *server.Server, l *ledger) {
	t.Helper()
	p := &power{t: t, ledger: l, told: told{acked: l.seal()}}
	p.check(node)
}

func closeNode(t *testing.T, node *server.Server) {
	t.Helper()
	if err := node.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// writes tells operations that change files of topics.
func writes(op vfs.Op) bool {
	if !strings.Contains(op.Path, "/topics") {
		return false
	}
	switch op.Kind {
	case vfs.OpCreate, vfs.OpFileWrite, vfs.OpFileWriteAt, vfs.OpMkdirAll:
		return true
	default:
		return false
	}
}

// attempt produces the next records without retries and gives the first error.
func attempt(t *testing.T, node *server.Server, l *ledger, n int) error {
	t.Helper()
	cl := newClient(t, node.Addresses().Kafka, kgo.RecordRetries(1), kgo.DisableIdempotentWrite(), kgo.RecordDeliveryTimeout(5*time.Second))
	defer cl.Close()
	ctx := testContext(t)
	var first error
	for range n {
		r := l.record(l.next)
		id := l.next
		l.next++
		err := cl.ProduceSync(ctx, r).FirstErr()
		if err == nil {
			l.mu.Lock()
			l.acked[id] = true
			l.mu.Unlock()
		} else if first == nil {
			first = err
		}
	}
	return first
}

// TestDiskFull: producers get an error, reads go on, and when there is room again everything goes on without a restart.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	d := newDisk(vfs.NewCrashableMem())
	node, l := loaded(t, d)
	d.set(func(op vfs.Op) error {
		if writes(op) {
			return syscall.ENOSPC
		}
		return nil
	})
	if err := attempt(t, node, l, 3); err == nil {
		t.Error("a record was acknowledged on a full disk")
	} else {
		t.Logf("the producer is told: %v", err)
	}
	s := connect(t, node)
	defer s.close()
	if rows := s.must(countTotals); rows[0] != strconv.Itoa(sampleRecords) {
		t.Errorf("the view on a full disk: %s", rows)
	}
	if got := len(readRows(t, node.Addresses().Kafka, "copied")); got != sampleRecords {
		t.Errorf("%d records readable on a full disk", got)
	}
	d.set(nil)
	cl := newClient(t, node.Addresses().Kafka)
	l.produce(cl, 300)
	if err := cl.Flush(testContext(t)); err != nil {
		t.Error(err)
	}
	cl.Close()
	checkNode(t, node, l)
	s.close()
	closeNode(t, node)
	again := start(t, d.fs())
	checkNode(t, again, l)
	closeNode(t, again)
}

// TestDiskFullForQueries: input arrives, outputs cannot be written; the queries come back when there is room.
func TestDiskFullForQueries(t *testing.T) {
	t.Parallel()
	d := newDisk(vfs.NewCrashableMem())
	node, l := loaded(t, d)
	refused := make(chan struct{}, 1)
	d.set(func(op vfs.Op) error {
		if writes(op) && !strings.Contains(op.Path, "/src-") {
			select {
			case refused <- struct{}{}:
			default:
			}
			return syscall.ENOSPC
		}
		return nil
	})
	cl := newClient(t, node.Addresses().Kafka)
	l.load(t, cl, 200)
	cl.Close()
	select {
	case <-refused:
	case <-testContext(t).Done():
		t.Fatal("no query wrote")
	}
	s := connect(t, node)
	defer s.close()
	until(t, func(ctx context.Context) error {
		rows, err := s.query(ctx, `SHOW QUERIES`)
		if err != nil {
			return err
		}
		if all := strings.Join(rows, "\n"); !strings.Contains(all, "no space left") {
			return fmt.Errorf("SHOW QUERIES does not tell why: %s", all)
		}
		return nil
	})
	d.set(nil)
	checkNode(t, node, l)
	s.close()
	closeNode(t, node)
}

// TestFailedSync: after a failed sync nobody is acknowledged any more, reads go on, and a restart has everything acknowledged.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	mem := vfs.NewCrashableMem()
	d := newDisk(mem)
	node, l := loaded(t, d)
	d.set(func(op vfs.Op) error {
		if (op.Kind == vfs.OpFileSync || op.Kind == vfs.OpFileSyncData) && strings.Contains(op.Path, "/src-") {
			return errors.New("injected: the disk has lost its cache")
		}
		return nil
	})
	if err := attempt(t, node, l, 2); err == nil {
		t.Error("a record was acknowledged although its sync failed")
	} else {
		t.Logf("the producer is told: %v", err)
	}
	s := connect(t, node)
	if rows := s.must(countTotals); rows[0] != strconv.Itoa(sampleRecords) {
		t.Errorf("the view on a dead disk: %s", rows)
	}
	s.close()
	after := vfs.Crash(mem, rng.IntN(101), rng)
	if err := node.Close(); err == nil {
		t.Error("a clean stop on a dead disk is told as a success")
	}
	again := start(t, after)
	checkNode(t, again, l)
	closeNode(t, again)
}

// TestFailedCommit: writes of the transaction log fail once; every query recovers and nothing counts twice.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"/copied-", "/__transaction_state-", "/__consumer_offsets-", "-changelog-"} {
		t.Run(strings.Trim(where, "/-"), func(t *testing.T) {
			t.Parallel()
			d := newDisk(vfs.NewCrashableMem())
			node, l := loaded(t, d)
			left := make(chan struct{}, 2)
			left <- struct{}{}
			left <- struct{}{}
			d.set(func(op vfs.Op) error {
				if writes(op) && strings.Contains(op.Path, where) {
					select {
					case <-left:
						return syscall.ENOSPC
					default:
					}
				}
				return nil
			})
			cl := newClient(t, node.Addresses().Kafka)
			for range 10 {
				l.load(t, cl, 50)
			}
			cl.Close()
			checkNode(t, node, l)
			if len(left) != 0 {
				t.Errorf("%d faults were not met", len(left))
			}
			closeNode(t, node)
		})
	}
}
